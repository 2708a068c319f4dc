"""The server: `streamlit run serve.py`. It serves `app.py` with what stands around it."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from dashboard import serving

serving.log_lines()
app = st.App(
    "app.py",
    routes=[Route(serving.HEALTH, serving.health)],
    middleware=[Middleware(serving.Guard)],
    lifespan=serving.lifetime,
)
