"""The dashboard's router and nothing else; `streamlit run serve.py` serves it."""

import streamlit as st

from dashboard import page, serving, url

st.set_page_config(page_title="Response homogenization", page_icon="🫧", layout="wide")
st.html(page.STYLE)

chosen = st.navigation(
    [
        st.Page("pages/start.py", title="Start here", icon=":material/play_circle:", default=True),
        st.Page("pages/questions.py", title="Questions", icon=":material/bubble_chart:"),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page("pages/map.py", title="Map", icon=":material/scatter_plot:"),
        st.Page("pages/live_lab.py", title="Live lab", icon=":material/experiment:"),
        st.Page("pages/alignment_tax.py", title="Alignment tax", icon=":material/monitoring:"),
        st.Page("pages/fair_draws.py", title="Fair draws", icon=":material/casino:"),
        st.Page("pages/runs.py", title="Runs", icon=":material/inventory_2:"),
        st.Page("pages/methods.py", title="Methods", icon=":material/menu_book:"),
    ],
    position="top",
)
with page.routed(), url.remembered(chosen.url_path), page.errors_shown():
    chosen.run()
serving.page_served()
