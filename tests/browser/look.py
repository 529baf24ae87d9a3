"""Looks at the status page with a real browser: look.py CHROMIUM ADDRESS STATE [FOLDER FOR PICTURES]

Each state is a function; what does not hold ends the program with a sentence. Waiting is for things to appear, never for
time to pass.
"""

import sys

from playwright.sync_api import expect, sync_playwright

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


class Look:
    def __init__(self, browser, address, folder):
        self.browser, self.address, self.folder = browser, address, folder
        self.complaints = []

    def open(self, path="", **options):
        context = self.browser.new_context(**{"viewport": DESK, "ignore_https_errors": True, **options})
        page = context.new_page()
        page.on("console", lambda message: self.complain("console", message.text))
        page.on("pageerror", lambda error: self.complain("error", error))
        page.on("dialog", lambda dialog: (self.complain("dialog", dialog.message), dialog.dismiss()))
        answer = page.goto(self.address + path)
        assert answer.ok, f"{path}: {answer.status}"
        return page

    def complain(self, what, text):
        # A worker that ends takes its stream along.
        if "ERR_" not in str(text):
            self.complaints.append(f"{what}: {text}")

    def picture(self, page, name):
        if self.folder:
            page.screenshot(path=f"{self.folder}/{name}.png", full_page=True)


def has(page, text):
    page.get_by_text(text).first.wait_for()


def well_formed(look, page):
    """What every state has to have: names for everything, nothing wider than the screen."""
    assert page.title() == "fixworker"
    assert page.locator("h1").count() == 1 and page.locator("main").count() == 1
    for section in page.locator("section").all():
        heading = section.get_attribute("aria-labelledby")
        assert page.locator(f"h2[id='{heading}']").count() == 1, f"a section without a name: {heading}"
    nameless = page.evaluate(
        "[...document.querySelectorAll('progress,input:not([type=hidden])')].filter(e => !e.ariaLabel).length"
    )
    assert nameless == 0, f"{nameless} controls have no name"
    assert page.locator("th:not([scope])").count() == 0, "a head of a table says not of what"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip", "the first key leads to the accounts"
    for viewport in (DESK, PHONE):
        page.set_viewport_size(viewport)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= viewport["width"], f"{wide} wide on a screen of {viewport['width']}"
    page.set_viewport_size(DESK)


def colours(look, name):
    """Light and dark differ, and both can be read."""
    grounds = set()
    for scheme in ("light", "dark"):
        page = look.open(color_scheme=scheme)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        weak = page.evaluate(CONTRAST)
        assert not weak, f"hard to read ({scheme}): {weak}"
        look.picture(page, f"{name}-{scheme}")
    assert len(grounds) == 2, "dark looks as light does"
    page = look.open(viewport=PHONE)
    look.picture(page, f"{name}-phone")


# Texts whose contrast to their ground is below 4.5, the least that WCAG 2 wants.
CONTRAST = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(`${e.tagName} ${e.className} ${e.textContent.slice(0, 30)}`);
  }
  return weak;
}"""


def idle(look):
    page = look.open()
    has(page, "Nothing runs.")
    has(page, "live")
    assert page.locator("#live.up").count() == 1
    well_formed(look, page)
    colours(look, "idle")


def running(look):
    """5,000 accounts, of which a few run: one page of them is shown, and typing chooses."""
    page = look.open()
    has(page, "It collects.")
    page.locator("tr[data-key='rogue/hold-1'] .tag.busy").wait_for()
    rows = page.locator("#accounts tbody tr")
    assert rows.count() == 100, f"{rows.count()} rows"
    has(page, "5,000 accounts")
    well_formed(look, page)
    # The page stays the one that it is: the same element, with what somebody does in it.
    page.evaluate("document.querySelector('#accounts table').same = true")
    search = page.get_by_role("searchbox")
    search.fill("hold-4999")
    expect(page.locator("#accounts tbody tr")).to_have_count(1)
    assert page.evaluate("document.querySelector('#accounts table').same"), "the table was replaced"
    assert page.evaluate("document.activeElement.name") == "q", "the focus is lost"
    assert "q=hold-4999" in page.url
    search.fill("")
    expect(page.locator("#accounts tbody tr")).to_have_count(100)
    page.get_by_role("link", name="next").focus()
    page.keyboard.press("Enter")
    has(page, "page 2 of 50")
    page.go_back()
    has(page, "page 1 of 50")
    plain = look.open("?q=hold-4999", java_script_enabled=False)
    assert plain.locator("#accounts tbody tr").count() == 1, "without JavaScript the same is shown"
    colours(look, "running")


def failing(look):
    """What clouds write is text, and failures say what to do."""
    page = look.open()
    has(page, "Nothing runs.")
    for text in ["the token has expired", "To do: ask the cloud"]:
        has(page, text)
    name = page.locator("tr[data-key='rogue/script'] th").inner_text()
    assert "<img src=x" in name, f"the name is not shown as it is: {name}"
    assert page.evaluate("window.hacked === undefined && !document.querySelector('main img, main script')")
    has(page, "<script>")
    page.locator("#accounts").get_by_role("link", name="failed").click()
    expect(page.locator("#accounts tbody tr")).to_have_count(1)
    page.locator("tr[data-key^='run-'] a").first.click()
    has(page, "The whole report (JSON)")
    well_formed(look, look.open(page.url.rsplit("/", 1)[1]))
    look.picture(page, "past")
    colours(look, "failing")


def away(look):
    page = look.open()
    has(page, "not connected")
    has(page, "not well")
    well_formed(look, page)
    colours(look, "away")


def starting(look):
    page = look.open()
    has(page, "starting")
    has(page, "is not ready")
    well_formed(look, page)
    colours(look, "starting")


def main(chromium, address, state, folder=None):
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        look = Look(browser, address, folder)
        {"idle": idle, "running": running, "failing": failing, "away": away, "starting": starting}[state](look)
        browser.close()
        assert not look.complaints, look.complaints


main(*sys.argv[1:])
