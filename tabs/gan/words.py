"""The words of the GAN tab, in English and 中文.

Invariants: every key starts with gan_ (and tab_gan).
"""

# key: (English, 中文)
WORDS: dict[str, tuple[str, str]] = {
    "tab_gan": ("GAN", "GAN 采样"),
    "gan_none": ("No GAN is in the catalogue. Add one with --catalog.", "目录中没有 GAN 模型。可用 --catalog 添加。"),
    "gan_model_line": (
        "{licence} · {state} · {size} px · {layers} layers of style · about {memory} of memory. {note}",
        "{licence} · {state} · {size} 像素 · {layers} 层风格 · 约占内存 {memory}。{note}",
    ),
    # the grid
    "gan_grid": ("Pictures by seed", "按种子排列的图片"),
    "gan_seed": ("Seed", "种子"),
    "gan_seeds": ("Seeds", "种子"),
    "gan_seeds_hint": ("Numbers and ranges, for example 1-16, 40, 7", "数字与范围，例如 1-16, 40, 7"),
    "gan_previous": ("Previous seeds", "上一页种子"),
    "gan_next": ("Next seeds", "下一页种子"),
    "gan_random": ("Random seeds", "随机种子"),
    "gan_truncation": ("Truncation ψ", "截断 ψ"),
    "gan_judged": ("Discriminator score", "判别器评分"),
    "gan_judged_hint": (
        "The share of samples that the discriminator finds less realistic than this one",
        "判别器认为不如这张真实的样本比例",
    ),
    "gan_sort": ("Order", "排序"),
    "gan_by_seed": ("by seed", "按种子"),
    "gan_best_first": ("most realistic first", "最真实在前"),
    "gan_worst_first": ("least realistic first", "最不真实在前"),
    "gan_unreachable": (
        "The app does not answer. Check that it is still running, then reload this page.",
        "应用没有回应。请确认它仍在运行，然后刷新页面。",
    ),
    # the current picture
    "gan_current": ("Seed {seed}", "种子 {seed}"),
    "gan_current_own": ("A picture from a saved or projected style", "来自已保存或投影所得风格的图片"),
    "gan_mixed_with": ("{name}, mixed with seed {seed}", "{name}，与种子 {seed} 混合"),
    "gan_real": (
        "More realistic than {share:.0f} % of samples, according to the discriminator.",
        "判别器认为它比 {share:.0f} % 的样本更真实。",
    ),
    "gan_cutoff": ("Truncate layers before", "截断此层之前的各层"),
    "gan_undo": ("Undo", "撤销"),
    "gan_redo": ("Redo", "重做"),
    "gan_reset": ("Remove all edits", "清除所有编辑"),
    "gan_nothing_to_undo": ("There is nothing to undo.", "没有可撤销的操作。"),
    "gan_nothing_to_redo": ("There is nothing to redo.", "没有可重做的操作。"),
    "gan_add_key": ("Add key frame", "添加关键帧"),
    "gan_save_png": ("Save PNG", "保存 PNG"),
    "gan_save_json": ("Save style", "保存风格"),
    "gan_load": ("Load", "载入"),
    # directions
    "gan_directions": ("Directions", "方向"),
    "gan_directions_info": (
        "The directions in which this model's faces vary most (PCA), or which its weights amplify most (SeFa). "
        "Sliders count in standard deviations. Find out what one changes, then give it a name.",
        "这个模型的脸部变化最大的方向（PCA），或其权重放大最强的方向（SeFa）。滑块以标准差为单位；试试它改变什么，再给它取名。",
    ),
    "gan_kind": ("Method", "方法"),
    "gan_range": ("Layers", "层"),
    "gan_range_all": ("all layers", "所有层"),
    "gan_range_coarse": ("coarse", "粗略层"),
    "gan_range_middle": ("middle", "中间层"),
    "gan_range_fine": ("fine", "精细层"),
    "gan_range_own": ("custom range", "自选范围"),
    "gan_range_layers": ("layers {first}–{last}", "第 {first}–{last} 层"),
    "gan_first_layer": ("First layer", "起始层"),
    "gan_last_layer": ("Last layer", "结束层"),
    "gan_keep_which": ("Direction", "方向"),
    "gan_keep_name": ("Its name", "名称"),
    "gan_keep_name_hint": ("for example: beard", "例如：胡子"),
    "gan_keep": ("Name it", "命名"),
    "gan_kept": ("Named directions", "已命名的方向"),
    "gan_forget": ("Remove", "移除"),
    "gan_kept_many": (
        "There are {n} named directions already. Remove one first.",
        "已有 {n} 个命名的方向，请先移除一个。",
    ),
    "gan_too_many_moves": (
        "{n} directions are moved already. Set some back to 0, or remove all edits.",
        "已移动 {n} 个方向。请将一些归零，或清除所有编辑。",
    ),
    "gan_direction_gone": (
        "That direction is not on the stage any more. Choose another one.",
        "该方向已不在舞台上，请另选一个。",
    ),
    # mixing
    "gan_mixing": ("Style mixing", "风格混合"),
    "gan_mixing_info": (
        "The layers you tick take the style of a second seed: coarse layers decide the shape, fine ones the colours.",
        "勾选的层改用第二个种子的风格：粗略层决定形状，精细层决定颜色。",
    ),
    "gan_mix_seed": ("Second seed", "第二个种子"),
    "gan_mix_random": ("Random", "随机"),
    "gan_mix_groups": ("Groups", "分组"),
    "gan_mix_layers": ("Layers", "层"),
    "gan_mix_layer": ("{layer} · {size} px", "{layer} · {size} 像素"),
    "gan_mix_first": ("current", "当前"),
    "gan_mix_second": ("seed {seed}", "种子 {seed}"),
    "gan_mix_result": ("mixed", "混合结果"),
    # animation
    "gan_animation": ("Animation", "动画"),
    "gan_animation_info": (
        "A smooth interpolation through key frames, in a loop. Choose a picture, then “Add key frame”.",
        "在关键帧之间平滑插值并循环播放。先选择一张图片，再点“添加关键帧”。",
    ),
    "gan_keys_none": ("No key frame yet. Two are enough.", "还没有关键帧，两个就够了。"),
    "gan_key_remove": ("Remove", "移除"),
    "gan_key_choose": ("Make it the current picture", "设为当前图片"),
    "gan_keys_many": (
        "An animation has at most {n} key frames. Remove one first.",
        "动画最多 {n} 个关键帧，请先移除一个。",
    ),
    "gan_keys_few": (
        "An animation needs at least two key frames. Add another picture.",
        "动画至少需要两个关键帧，请再加一张。",
    ),
    "gan_key_gone": ("That key frame is not there any more.", "该关键帧已不存在。"),
    "gan_seconds": ("Seconds", "秒数"),
    "gan_fps": ("Frames a second", "每秒帧数"),
    "gan_loop": ("Loop", "循环"),
    "gan_make": ("Make the animation", "生成动画"),
    "gan_animation_progress": ("Frame {done} of {total}", "第 {done} / {total} 帧"),
    "gan_animation_done": ("Done: {size}.", "完成：{size}。"),
    "gan_stopped": ("Stopped.", "已停止。"),
    "gan_busy": (
        "Another job is running. Stop it first, or wait for its end.",
        "另一项任务正在运行。请先停止，或等它完成。",
    ),
    # own picture
    "gan_own": ("Your picture", "你的图片"),
    "gan_own_info": (
        "Looks for the style whose picture comes nearest to yours (GAN inversion). It then is the current picture and "
        "can be edited.",
        "寻找与图片最接近的风格；找到后它成为当前图片，可以继续编辑。",
    ),
    "gan_own_picture": ("Picture", "图片"),
    "gan_own_none": ("Add a picture first: upload, paste, or take one.", "请先提供图片：上传、粘贴或拍摄。"),
    "gan_steps": ("Steps", "步数"),
    "gan_project": ("Find its style", "寻找风格"),
    "gan_seen": ("what the model sees", "模型所见"),
    "gan_found": ("step {step} of {steps}", "第 {step} / {steps} 步"),
    "gan_projected": ("PSNR {psnr:.1f} dB after {step} steps.", "{step} 步后 PSNR 为 {psnr:.1f} dB。"),
    "gan_foreign": (
        "This picture is unlike what the model was trained on, so this is only the nearest picture it can draw.",
        "这张图片与模型的训练数据相差甚远，这只是它能画出的最接近的一张。",
    ),
    # exploring
    "gan_explore": ("What it learned", "它学到了什么"),
    "gan_nearest": ("Nearest portraits", "最近的肖像"),
    "gan_nearest_info": (
        "The training portraits most like the current picture. None should be the same: that would be memorisation.",
        "与当前图片最相似的训练肖像。不应有完全相同的，否则就是死记硬背。",
    ),
    "gan_nearest_caption": ("distance {distance:.2f}", "距离 {distance:.2f}"),
    "gan_sheet": ("Truncation sheet", "截断对照表"),
    "gan_sheet_info": (
        "The current picture at different truncations, from its opposite over the average face to an exaggeration. "
        "Click one to use its truncation.",
        "当前图片从相反面经平均脸到夸张的变化。点击即可采用。",
    ),
    "gan_sheet_choose": ("Take this truncation", "采用此截断值"),
    "gan_histogram": ("Attribute histogram", "特征直方图"),
    "gan_histogram_info": (
        "How often each attribute occurs in 1,000 samples, as a classifier sees them, beside the training data.",
        "由分类器统计：1,000 个样本中各特征出现的频率，与训练数据对照。",
    ),
    "gan_histogram_note": (
        "Of {count:,} samples, {precision:.0f} % are portraits the classifier is sure of; together they "
        "show {coverage:.0f} % of all attribute values.",
        "{count:,} 个样本中有 {precision:.0f} % 是分类器有把握的肖像；合起来展现了全部特征值的 {coverage:.0f} %。",
    ),
    "gan_histogram_make": ("Count 1,000 samples", "统计 1,000 个样本"),
    "gan_histogram_here": ("this model", "该模型"),
    "gan_histogram_world": ("training data", "训练数据"),
    "gan_counted": ("{done:,} of {total:,} samples", "已统计 {done:,} / {total:,} 个样本"),
}
