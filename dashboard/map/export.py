"""The map as a file that embedding-atlas opens, made when it is asked for."""

import streamlit as st

from dashboard.map.shown import OnMap
from homog_core.analysis.answer_map import atlas_file

_MADE = "map-file"


def export(shown: OnMap) -> None:
    """A button that makes the file, then one that downloads it, and the command that opens it."""
    name = f"{shown.header.id}.parquet"
    row = st.container(horizontal=True, vertical_alignment="center")
    row.button(
        "Prepare the file for embedding-atlas",
        icon=":material/file_export:",
        type="tertiary",
        key="prepare-map",
        on_click=lambda: _make(shown),
    )
    stamp, content = st.session_state.get(_MADE, (None, b""))
    if stamp == shown.stamp:
        row.download_button(
            f"Download for embedding-atlas ({len(content) / 1024:,.0f} kB)",
            content,
            name,
            "application/vnd.apache.parquet",
            icon=":material/download:",
            on_click="ignore",
            key="download-map",
        )
        row.code(f"embedding-atlas {name} --text text --x x --y y", language=None)


def _make(shown: OnMap) -> None:
    content = atlas_file(shown.points, shown.answers.names, shown.answers.questions)
    st.session_state[_MADE] = (shown.stamp, content)
