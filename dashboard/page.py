"""What every page begins with, and how it shows an error. It knows nothing of what is on a page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.text import plain
from homog_core.errors import HomogError

# Less room above the page; captions dark and words on the primary colour of both themes clear enough to be read.
STYLE = """<style>
[data-testid=stMainBlockContainer] {padding-top: 3.5rem}
[data-testid=stCaptionContainer] {opacity: .78}
[data-testid=stBaseButton-primary]:not(:disabled) *, [data-testid=stMultiSelect] [data-tag-index] * {
  color: light-dark(#ffffff, #0e1318) !important
}
</style>"""


def start_page(title: str, subtitle: str) -> None:
    """The page's head."""
    _leave_pages_directory_mode()
    st.title(title, anchor=False)
    st.caption(subtitle)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show what goes wrong as the sentence that it is, and let the rest of the page follow."""
    try:
        yield
    except HomogError as error:
        st.error(plain(str(error)), icon=":material/error:")


def _leave_pages_directory_mode() -> None:
    """Hand a page that Streamlit has started by itself over to `app.py`.

    Until `st.navigation` has been called once, a fresh server treats every file in `pages/` as a page of its own, with
    another menu; that happens when the first visitor comes by a deep link.
    """
    from streamlit.runtime.pages_manager import PagesManager

    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
