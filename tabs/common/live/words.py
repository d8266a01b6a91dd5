"""Words of the live stage, in English and 中文: merged into `tabs.common.words`."""

# key: (English, 中文)
WORDS: dict[str, tuple[str, str]] = {
    "live_loading": ("Drawing…", "正在绘制……"),
    "live_lost": (
        "The picture did not arrive. Move a control to try again; if it stays so, reload the page.",
        "图片没有送达。再动一下控件试试；若仍如此，请刷新页面。",
    ),
    "live_reset": ("Reset all", "全部重置"),
    "live_reset_one": ("Reset", "重置"),
    "live_random": ("Randomise", "随机"),
    "live_lock": ("Lock", "锁定"),
    "live_unlock": ("Unlock", "解锁"),
    "live_fps": ("Pictures per second", "每秒图片数"),
    "live_hold": ("Hold to see the picture before any control was moved", "按住可查看移动控件之前的图片"),
    "live_picture": ("The picture that the controls draw", "由控件绘制的图片"),
}
