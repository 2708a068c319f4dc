"""What comes from outside shows in a real browser as it was written: no sign of it is read as Markdown."""

from urllib.parse import quote

from fakes import settled

TEXT = (
    "a -> b <- c <-> d -- e >= f <= g ~= h :material/delete: :streamlit: :joy: :red[x] :badge[y] $x^2$ $$z$$ "
    "&lt;b&gt; &#60; **b** _i_ `c` ~~s~~ [^1] [t](http://evil.example) www.evil.example me@evil.example <i>k</i> # l"
)


def test_a_text_shows_as_it_was_written(bare_server, new_page):
    page = new_page(f"{bare_server}/live_lab?job={quote(TEXT)}")
    settled(page)
    said = page.get_by_role("alert").filter(has_text="There is no live job")
    shown = said.inner_text().replace("\u2060", "")
    assert f"There is no live job '{TEXT}' any more; sample the question again." in shown
    assert said.locator("a, img, code, em, strong, del, .katex").count() == 0
