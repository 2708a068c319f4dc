"""The dashboard: `streamlit run app.py`. The router and nothing else."""

import streamlit as st

st.set_page_config(page_title="Response homogenization", page_icon="🫧", layout="wide")
st.html("<style>[data-testid=stMainBlockContainer] {padding-top: 3.5rem}</style>")

page = st.navigation(
    [
        st.Page("pages/questions.py", title="Questions", icon=":material/bubble_chart:", default=True),
        st.Page("pages/live_lab.py", title="Live lab", icon=":material/experiment:"),
    ],
    position="top",
)
page.run()
