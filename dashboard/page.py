"""What every page begins with, and how it shows an error. It knows nothing of what is on a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st

from dashboard.access import access, login
from dashboard.blocks import is_narrow
from dashboard.text import plain
from homog_core.errors import HomogError

_ROUTED: ContextVar[bool] = ContextVar("routed", default=False)  # whether app.py shows the page that is being drawn

# Less room above the page, and lines no longer than can be read; captions dark and words on the primary colour of both
# themes clear enough to be read. No CSV that the browser makes of a table: it may hold formulas (`runs.spreadsheet`).
STYLE = """<style>
[data-testid=stMainBlockContainer] {padding-top: 4rem; max-width: 1640px; margin: 0 auto}
[data-testid=stMainBlockContainer] h1 {font-size: 1.9rem; padding: 0}
[data-testid=stCaptionContainer] p, [data-testid=stMarkdownContainer] > p, [data-testid=stMarkdownContainer] li {
  max-width: 80ch}
[data-testid=stElementToolbarButton]:has(button[aria-label^="Download as CSV"]) {display: none}
.quiet {background: none; border: 1px solid rgba(128,128,128,.4); border-radius: .5rem; padding: .3rem .7rem;
  color: inherit; font: inherit; font-size: .85rem; cursor: pointer; white-space: nowrap}
[data-testid=stCaptionContainer] {opacity: .78}
[data-testid=stBaseButton-primary]:not(:disabled) *, [data-testid=stMultiSelect] [data-tag-index] * {
  color: light-dark(#ffffff, #0e1318) !important
}
</style>"""


# The clipboard can be written to on localhost and over HTTPS; elsewhere the address is shown to be copied by hand.
COPY_LINK = """<button class="copy-link quiet" title="The address of exactly this view">Copy link</button>
<script>
{
  const button = document.querySelector(".st-key-page-head .copy-link");
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
    } catch { prompt("Copy this address:", location.href); }
    setTimeout(() => { button.textContent = "Copy link"; }, 2000);
  };
}
</script>"""

# Figures are made for a width by the server, which learns of it when a page is loaded. One that was made for the wrong
# width is loaded once more, unless the browser keeps no cookies.
TELL_WIDTH = """<script>
{
  const narrow = /Mobi/.test(navigator.userAgent) || matchMedia("(max-width: 640px)").matches;
  if (narrow !== %s) {
    document.cookie = `narrow=${narrow}; path=/; SameSite=Strict`;
    if (document.cookie.includes(`narrow=${narrow}`)) location.reload();
  }
}
</script>"""


def start_page(title: str, subtitle: str) -> None:
    """The page's head, with a button that copies the address of what is shown."""
    _hand_over_to_app()
    with st.container(horizontal=True, vertical_alignment="bottom", key="page-head"):
        st.title(title, anchor=False, width="content")
        st.caption(subtitle, width="stretch")
        scripts = COPY_LINK + TELL_WIDTH % str(is_narrow()).lower()
        st.html(scripts, width="content", unsafe_allow_javascript=True)
        login(access())


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show what goes wrong as the sentence that it is, and let the rest of the page follow."""
    try:
        yield
    except HomogError as error:
        st.error(plain(str(error)), icon=":material/error:")


@contextmanager
def routed() -> Iterator[None]:
    """Around a page that `app.py` shows."""
    token = _ROUTED.set(True)
    try:
        yield
    finally:
        _ROUTED.reset(token)


def _hand_over_to_app() -> None:
    """Draw a page that Streamlit has started by itself once more, by way of `app.py`.

    Until `st.navigation` has been called once, a fresh server treats every file in `pages/` as a page of its own, with
    another menu and without `app.py` around it. That happens to all visitors who come by deep links until the first of
    them has been handed over, also to those for whom Streamlit had looked at its flag a moment earlier.
    """
    if not _ROUTED.get():
        from streamlit.runtime.pages_manager import PagesManager

        PagesManager.uses_pages_directory = False
        st.rerun()
