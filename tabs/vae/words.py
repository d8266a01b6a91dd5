"""The words of the VAE tab, in English and 中文.

Invariants: every key starts with vae_.
"""

# key: (English, 中文)
WORDS: dict[str, tuple[str, str]] = {
    "tab_vae": ("VAE sliders", "VAE 滑块"),
    "vae_send": ("To the VAE tab", "送到 VAE 页"),
    "vae_avatars": ("Faces", "头像"),
    "vae_photos": ("Photographs", "照片"),
    "vae_no_model": (
        "No model with named sliders is in the catalogue.",
        "目录中没有带命名滑块的模型。",
    ),
    "vae_model_line": (
        "{licence} · {state} · {memory} in memory. {note}",
        "{licence} · {state} · 占内存 {memory}。{note}",
    ),
    # beside the stage
    "vae_undo": ("↶ Undo", "↶ 撤销"),
    "vae_redo": ("↷ Redo", "↷ 重做"),
    "vae_save_json": ("Save latent", "保存潜变量"),
    "vae_save_png": ("Save picture", "保存图片"),
    "vae_load": ("Load", "读取"),
    "vae_share": ("Share", "分享"),
    "vae_link": ("Link to this face", "此头像的链接"),
    "vae_link_hint": (
        "“Share” writes it here; paste one and press Enter to see its face",
        "点“分享”后链接会出现在这里；也可粘贴一个链接并按回车",
    ),
    "vae_typical": ("How typical", "典型程度"),
    "vae_typical_more": ("more typical than {percent:.0f} % of portraits", "比 {percent:.0f} % 的肖像更典型"),
    "vae_typical_less": ("less typical than {percent:.0f} % of portraits", "不如 {percent:.0f} % 的肖像典型"),
    "vae_typical_title": (
        "log p(z) = {nats:.1f} nats under the flow, {bits:.2f} bits per coordinate",
        "流模型下 log p(z) = {nats:.1f} nats，每维 {bits:.2f} 比特",
    ),
    "vae_leak_empty": (
        "Move a control: a classifier then shows what it changed, and what else changed with it.",
        "移动一个控件：分类器会显示它改变了什么，以及还有什么跟着变了。",
    ),
    "vae_leak_none": (
        "What the movement changed, as the classifier sees it. Nothing else changed visibly.",
        "分类器看到的变化。其他可见的都没有变。",
    ),
    "vae_leak_one": (
        "What the movement changed, as the classifier sees it: what was intended in green, and one side effect.",
        "分类器看到的变化：绿色为本意，另有一项跟着变了。",
    ),
    "vae_leak_some": (
        "What the movement changed, as the classifier sees it: what was intended in green, and {n} side effects.",
        "分类器看到的变化：绿色为本意，另有 {n} 项跟着变了。",
    ),
    # sampling and encoding
    "vae_sample": ("Sample a face", "采样一个头像"),
    "vae_hot": ("0: the most typical face; above 1: unusual ones", "0：最典型的脸；大于 1：不寻常的脸"),
    "vae_prior": ("Prior", "先验"),
    "vae_prior_flow": ("flow", "流模型"),
    "vae_prior_normal": ("N(0, I)", "N(0, I)"),
    "vae_strength": ("Pull-back strength", "拉回强度"),
    "vae_pull": ("Pull back to typical", "拉回典型"),
    "vae_picture": ("Your picture", "你的图片"),
    "vae_seen": ("as the model sees it", "模型所见"),
    "vae_back": ("reconstruction", "重建结果"),
    "vae_select": ("Put this face on the stage", "把这张脸放到舞台上"),
    "vae_select_example": ("Use this picture", "使用这张图片"),
    "vae_quality": ("PSNR {psnr:.1f} dB · SSIM {ssim:.2f}", "PSNR {psnr:.1f} dB · SSIM {ssim:.2f}"),
    "vae_stranger": (
        "PSNR {psnr:.1f} dB · SSIM {ssim:.2f}. **This picture is not a portrait of the drawn world.** The model knows "
        "nothing else, so the reconstruction is only the nearest face it can draw.",
        "PSNR {psnr:.1f} dB · SSIM {ssim:.2f}。**这张图片不属于这个卡通世界：**模型只认识这个世界，"
        "重建的是其中最接近的样子。",
    ),
    # raw dimensions
    "vae_dimensions": ("Raw dimensions", "原始维度"),
    "vae_dimension": ("z {n}", "z {n}"),
    "vae_dimensions_hint": (
        "Coordinates of the latent by the information they carry (KL), with what moving each one changes. Click one "
        "to add its slider to the stage.",
        "潜变量的各维按信息量（KL）排序，并列出移动它会改变什么。点击一维：它的滑块会加入舞台。",
    ),
    "vae_spread": ("standard deviation over portraits {spread:.2f}", "在肖像上的标准差 {spread:.2f}"),
    # faces in which a control changes nothing
    "vae_needs_hat": ("Needs a hat.", "需要先戴帽子。"),
    "vae_needs_hair": ("Needs hair or a beard.", "需要有头发或胡须。"),
    "vae_needs_glasses": ("Needs glasses.", "需要先戴眼镜。"),
    "vae_behind_glasses": ("Hidden behind the glasses.", "被眼镜遮住。"),
    "vae_behind_lenses": ("Hidden behind dark lenses.", "被深色镜片遮住。"),
    # A to B
    "vae_interpolation": ("From A to B", "从 A 到 B"),
    "vae_set_a": ("Set A", "设为 A"),
    "vae_set_b": ("Set B", "设为 B"),
    "vae_set_c": ("Set C", "设为 C"),
    "vae_aside_hint": (
        "Each button keeps the face on the stage. Keep one, then change the face and keep the next.",
        "每个按钮会保存舞台上的头像。先保存一个，换一张脸，再保存下一个。",
    ),
    "vae_aside_missing": (
        "Set A and B first: each keeps the face on the stage.",
        "请先设置 A 和 B：它们各保存舞台上的头像。",
    ),
    "vae_interpolation_count": ("Pictures", "图片数"),
    "vae_mode": ("Path", "路径"),
    "vae_lerp": ("straight (lerp)", "直线 (lerp)"),
    "vae_slerp": ("around (slerp)", "球面 (slerp)"),
    "vae_interpolate": ("Interpolate", "插值"),
    "vae_animate": ("Animate", "生成动画"),
    "vae_busy": (
        "An animation is being made. Stop it first, or wait for its end.",
        "正在生成动画。请先停止，或等它完成。",
    ),
    "vae_animation_progress": ("{done} of {total} pictures", "{done} / {total} 张"),
    "vae_animation_done": ("Looping WebP, {size:.0f} kB", "循环 WebP，{size:.0f} kB"),
    "vae_stopped": ("Stopped.", "已停止。"),
    # the map
    "vae_map": ("Map of the latent", "潜空间地图"),
    "vae_map_hint": (
        "Portraits that the model encodes alike lie beside each other. Click or drag to put the face at that point on "
        "the stage.",
        "模型认为相似的肖像彼此相邻。点击或拖动：那里的脸会来到舞台上。",
    ),
    # an attribute of one's own
    "vae_own": ("An attribute of your own", "自定义属性"),
    "vae_own_hint": (
        "Collect faces that have an attribute, and faces that do not: the difference of the groups becomes a slider.",
        "收集具有某个特征的脸，以及没有它的脸：两组之差就成为一个滑块。",
    ),
    "vae_own_with": ("**With it**", "**有此特征**"),
    "vae_own_without": ("**Without it**", "**无此特征**"),
    "vae_own_add": ("Add this face", "加入此头像"),
    "vae_own_files": ("Files", "文件"),
    "vae_own_called": ("Name", "名称"),
    "vae_own_name": ("My slider {n}", "我的滑块 {n}"),
    "vae_own_make": ("Make a slider", "生成滑块"),
    "vae_own_forget": ("Remove my sliders", "删除我的滑块"),
    "vae_own_groups": ("Put at least one face into each group first.", "请先在每组中至少放入一张脸。"),
    "vae_own_full": (
        "There are {most} sliders of your own already. Remove them first.",
        "已有 {most} 个自定义滑块，请先删除。",
    ),
    "vae_own_good": (
        "The slider is at the top of the stage. Uncertainty {error:.0f} % of its length: trustworthy.",
        "滑块已在舞台顶部。不确定度为其长度的 {error:.0f} %：可信。",
    ),
    "vae_own_fair": (
        "The slider is at the top of the stage. Uncertainty {error:.0f} % of its length: more pictures would help.",
        "滑块已在舞台顶部。不确定度为其长度的 {error:.0f} %：多加些图片会更好。",
    ),
    "vae_own_bad": (
        "The slider is at the top of the stage. Uncertainty {error:.0f} % of its length: mostly chance. Add pictures "
        "that differ in nothing else.",
        "滑块已在舞台顶部。不确定度为其长度的 {error:.0f} %：多半是偶然。请加入只在此特征上不同的图片。",
    ),
    # arithmetic and neighbours
    "vae_sum": ("Arithmetic: A − B + C", "向量运算：A − B + C"),
    "vae_sum_hint": (
        "Adds to C what A has and B does not. Click a picture to put it on the stage.",
        "把 A 有而 B 没有的东西给 C。点击图片可放到舞台上。",
    ),
    "vae_nearest": ("Nearest drawn portraits", "最近的原画肖像"),
    "vae_nearest_hint": (
        "The training portraits whose latents are nearest. A face that equals none of them was composed, not "
        "memorised.",
        "潜变量最接近的训练肖像。与它们都不同的脸是组合出来的，而不是背下来的。",
    ),
    "vae_nearest_again": ("Search again", "重新查找"),
}
