"""Words of the depth tab, in English and 中文."""

# key: (English, 中文)
WORDS: dict[str, tuple[str, str]] = {
    "tab_depth": ("Depth", "深度"),
    "depth_none": ("No depth model is in the catalogue.", "目录中没有深度模型。"),
    "depth_picture": ("Picture", "图片"),
    "depth_run": ("Estimate depth", "估计深度"),
    "depth_map": ("Depth: bright is near", "深度图：越亮越近"),
    "depth_no_picture": ("Choose a picture first.", "请先选择一张图片。"),
    "depth_done": ("Done.", "完成。"),
    "depth_stopped": ("Stopped.", "已停止。"),
    "depth_send": ("To the depth tab", "送到深度页"),
}
