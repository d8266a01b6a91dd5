"""Make the README's pictures from the running app: `python -m scripts.pictures` (needs Chromium).

Invariants: no picture is touched up; what the README shows is what the app drew.
"""

from PIL import Image
from playwright.sync_api import Browser, Page

from playground.bench.app_process import running_app
from playground.bench.browser import browser
from playground.settings import ROOT

PICTURES = ROOT / "assets" / "pictures"
WAIT_MS = 180_000


def main() -> None:
    """Start the app, take every picture, end it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with running_app() as url, browser() as chromium:
        page = open_page(chromium, url, True, 1280, 860)
        talk(page)
        look_inside(page)
        save(page, "chat")
        page.context.close()
        for name, dark, width, height in (("vae", False, 1280, 1000), ("gan", True, 1280, 1000)):
            page = open_tab(chromium, url, name, dark, width, height)
            save(page, name)
            page.context.close()
        page = point_at_people(chromium, url)
        save(page, "grounding")
        page.context.close()
        page = draw_from_words(chromium, url)
        save(page, "image")
        page.context.close()


def open_page(chromium: Browser, url: str, dark: bool, width: int, height: int) -> Page:
    context = chromium.new_context(
        locale="en-US", color_scheme="dark" if dark else "light", viewport={"width": width, "height": height}
    )
    page = context.new_page()
    page.goto(url)
    page.locator("#inspector .hint").wait_for()
    page.wait_for_timeout(500)
    return page


def open_tab(chromium: Browser, url: str, tab: str, dark: bool, width: int, height: int) -> Page:
    """A tab with a live stage, once its first picture is there and what follows it has settled."""
    context = chromium.new_context(
        locale="en-US", color_scheme="dark" if dark else "light", viewport={"width": width, "height": height}
    )
    page = context.new_page()
    page.goto(f"{url}/?tab={tab}")
    page.wait_for_function(
        "id => Number(document.querySelector(`${id}[data-frames], ${id} [data-frames]`)?.dataset.frames) > 0",
        arg=f"#{tab}-stage",
        timeout=WAIT_MS,
    )
    page.wait_for_timeout(5000)
    return page


def draw_from_words(chromium: Browser, url: str) -> Page:
    """The text-to-image tab with the picture of its first example."""
    context = chromium.new_context(locale="en-US", color_scheme="light", viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.goto(f"{url}/?tab=image")
    page.locator("#image-generate").click(timeout=WAIT_MS)
    page.locator("#image-stop").wait_for(timeout=WAIT_MS)
    page.locator("#image-generate").wait_for(timeout=WAIT_MS)
    page.wait_for_timeout(2000)
    return page


def point_at_people(chromium: Browser, url: str) -> Page:
    """The grounding tab with a whole grounded caption of its second example."""
    context = chromium.new_context(locale="en-US", color_scheme="light", viewport={"width": 1280, "height": 960})
    page = context.new_page()
    page.goto(f"{url}/?tab=grounding")
    page.locator("#ground-examples img").nth(1).click(timeout=WAIT_MS)
    page.locator("#ground-stage .picture").wait_for(timeout=WAIT_MS)
    page.wait_for_timeout(1500)
    page.locator("#ground-ask").click()
    page.locator("#ground-stop").wait_for(timeout=WAIT_MS)
    page.locator("#ground-ask").wait_for(timeout=WAIT_MS)
    page.wait_for_timeout(1500)
    return page


def talk(page: Page) -> None:
    """One exchange, always the same: the likeliest words."""
    page.get_by_role("button", name="Sampling").click()
    for name, value in (("Temperature", "0"), ("Max tokens", "90")):
        box = page.get_by_label(f"number input for {name}")
        box.fill(value)
        box.blur()
    page.get_by_role("button", name="Sampling").click()
    page.locator("#message textarea").fill("Why is the sky blue? Answer in two sentences.")
    page.locator("#message textarea").press("Enter")
    page.locator("#stop").wait_for(timeout=WAIT_MS)
    page.locator("#send").wait_for(timeout=WAIT_MS)


def look_inside(page: Page) -> None:
    """Click the most surprising token and wait for the model's insides."""
    tokens = page.locator("#inspector .tokens").first.locator(".token")
    surprise = tokens.evaluate_all("all => all.map(t => Number(t.style.getPropertyValue('--s')))")
    tokens.nth(surprise.index(max(surprise))).click()
    page.get_by_text("Logit lens").wait_for(timeout=WAIT_MS)
    page.evaluate("document.querySelector('#inspector').scrollIntoView()")
    page.wait_for_timeout(500)


def save(page: Page, name: str) -> None:
    """As WebP: a third of the size, and every browser of the README's readers shows it."""
    png = PICTURES / f"{name}.png"
    page.screenshot(path=png)
    Image.open(png).save(PICTURES / f"{name}.webp", quality=88)
    png.unlink()
    print(PICTURES / f"{name}.webp")


if __name__ == "__main__":
    main()
