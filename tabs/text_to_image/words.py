"""The words of the text-to-image tab, in English and 中文: `tabs.common.words` merges them.

Invariants: every key starts with image_.
"""

# key: (English, 中文)
WORDS: dict[str, tuple[str, str]] = {
    "tab_image": ("Text to image", "文生图"),
    "image_none": (
        "No text-to-image model is in the catalogue. Add one with --catalog.",
        "目录中没有文生图模型。可用 --catalog 添加。",
    ),
    "image_model": ("Model", "模型"),
    "image_model_line": (
        "{licence} · {state} · {size} px · {steps} steps · about {memory} of memory. {note}",
        "{licence} · {state} · {size} 像素 · {steps} 步 · 约占内存 {memory}。{note}",
    ),
    # the prompt
    "image_prompt": ("Prompt", "提示词"),
    "image_prompt_hint": (
        "What is to be seen. Enter generates, Shift+Enter makes a new line",
        "想看到什么。回车生成，Shift+回车换行",
    ),
    "image_surprise": ("Surprise me", "随便来一个"),
    "image_chips": ("Words this model knows", "这个模型认识的词"),
    "image_chips_hint": (
        "Click to add a phrase to the prompt; click again to take it out.",
        "点一下把短语加进提示词，再点一下移除。",
    ),
    "image_unknown": (
        "This model has never seen: {words}. It draws cartoon people and knows only the words below.",
        "这个模型没见过：{words}。它只画卡通人物，只认识下面的词。",
    ),
    "image_negative": ("Negative prompt", "负面提示词"),
    "image_negative_hint": ("What is not to be seen", "不想看到什么"),
    "image_negative_never": ("This model does not read a negative prompt.", "此模型不读取负面提示词。"),
    "image_negative_guidance": (
        "At guidance 1 or less nothing is steered away from, so this is not read.",
        "引导强度不大于 1 时无从排斥，因此不读取。",
    ),
    "image_examples": ("Try one", "试一试"),
    "image_group_hair": ("Hair style", "发型"),
    "image_group_hat": ("Hat", "帽子"),
    # expansion
    "image_expand": ("Let the chat model write more", "让对话模型扩写"),
    "image_expand_info": (
        "Prompts with more detail make better pictures. What it writes can be changed; the file of a picture keeps "
        "both prompts.",
        "细节越多，画面越好。扩写的内容可以再改；图片文件会同时保存两个提示词。",
    ),
    "image_expand_go": ("Expand", "扩写"),
    "image_expanded": ("Expanded prompt", "扩写后的提示词"),
    "image_use_expanded": ("Draw the expanded one", "按扩写后的来画"),
    "image_expand_model": ("Chat model", "对话模型"),
    "image_expanding": ("The chat model is writing", "对话模型正在书写"),
    "image_expand_done": (
        "The prompt was expanded; change it as you like, then generate.",
        "已扩写；可以再改，然后生成。",
    ),
    # settings
    "image_steps": ("Steps", "步数"),
    "image_guidance": ("Guidance", "引导强度"),
    "image_width": ("Width", "宽"),
    "image_height": ("Height", "高"),
    "image_scheduler": ("Scheduler", "调度器"),
    "image_own_scheduler": ("{name} (its own)", "{name}（自带）"),
    "image_seed": ("Seed", "种子"),
    "image_seed_info": ("Same seed and settings, same picture", "种子与设置相同，图片相同"),
    "image_seed_new": ("New seed each time", "每次换新种子"),
    "image_seed_random": ("Random", "随机"),
    "image_seed_reuse": ("Reuse", "复用"),
    "image_count": ("Pictures", "张数"),
    "image_count_info": ("Picture k has seed + k", "第 k 张用“种子 + k”"),
    "image_preview": ("Live preview", "实时预览"),
    "image_more": ("Size, scheduler, preview", "尺寸、调度器、预览"),
    # the result
    "image_generate": ("Generate", "生成"),
    "image_stage_empty": (
        "The picture comes out of the noise here, step by step.",
        "图片会在这里一步步从噪声中浮现。",
    ),
    "image_step": ("step {step} of {steps}", "第 {step} / {steps} 步"),
    "image_step_of": (
        "picture {which} of {count} · step {step} of {steps}",
        "第 {which} / {count} 张 · 第 {step} / {steps} 步",
    ),
    "image_starting": ("Getting the model ready", "正在准备模型"),
    "image_gallery": ("Pictures of this visit", "本次的图片"),
    "image_gallery_empty": (
        "Finished pictures gather here until the page is closed.",
        "完成的图片会留在这里，直到关闭页面。",
    ),
    "image_sort": ("Order", "排序"),
    "image_sort_new": ("newest first", "最新在前"),
    "image_sort_best": ("best CLIP score first", "CLIP 分最高在前"),
    "image_caption": ("seed {seed}", "种子 {seed}"),
    "image_caption_score": ("seed {seed} · CLIP {score:.1f}", "种子 {seed} · CLIP {score:.1f}"),
    "image_best": ("best of {n}", "{n} 张中最佳"),
    "image_download": ("Download", "下载"),
    "image_use": ("Use its settings", "用它的设置"),
    "image_to_start": ("As start picture", "作为起始图"),
    "image_clear": ("Clear", "清空"),
    # composed in Python
    "image_seconds": ("{s:.2f} s", "{s:.2f} 秒"),
    "image_speed": ("{rate:.1f} steps/s", "每秒 {rate:.1f} 步"),
    "image_peak": ("peak {size} of memory", "内存峰值 {size}"),
    "image_score": (
        "CLIP {score:.1f} (100·cos by {by}, compare within it only)",
        "CLIP {score:.1f}（{by} 的 100·cos，只宜在同一 CLIP 内比较）",
    ),
    "image_finished": ("{n} pictures", "{n} 张图片"),
    "image_stopped": ("Stopped.", "已停止。"),
    "image_stopped_at": ("Stopped at {where}.", "停在{where}。"),
    "image_stopped_kept": ("{text} {n} finished pictures are kept.", "{text} 已完成的 {n} 张保留。"),
    "image_ready": ("Drawing", "正在绘制"),
    "image_dropped": (
        "The oldest {n} pictures were taken out of this page to save memory.",
        "为节省内存，最早的 {n} 张已从页面移除。",
    ),
    "image_busy": (
        "A picture is being made. Stop it first, or wait for its end.",
        "正在生成图片。请先停止，或等它完成。",
    ),
    "image_no_choice": ("There is no picture yet. Generate one, then choose it.", "还没有图片。请先生成，再选择。"),
    "image_gone": ("That picture is not here any more. Choose another.", "那张图片已不在。请另选一张。"),
    "image_used": (
        "The settings of seed {seed} are set. Generate gives this picture again.",
        "已填入种子 {seed} 的设置。再次生成会得到同一张图。",
    ),
    "image_used_start": (
        "The settings of seed {seed} are set, with the picture it began from. Generate gives it again.",
        "已填入种子 {seed} 的设置及其起始图。再次生成会得到同一张图。",
    ),
    # the filmstrip
    "image_film": ("Filmstrip: from noise to picture", "胶片：从噪声到图片"),
    "image_film_info": (
        "Above, the way the model went: the noisy latent, and the clean picture it expected at that moment. Below, "
        "the way that training goes: noise added to the finished picture, at the same times.",
        "上面是模型走过的路：带噪声的潜变量，以及当时它预期的干净图片。"
        "下面是训练所走的路：在相同时刻给完成的图片加噪声。",
    ),
    "image_film_go": ("Film the chosen picture", "为所选图片拍胶片"),
    "image_film_always": ("Film every picture", "每张都拍"),
    "image_film_empty": (
        "Choose a picture, then press the button: it is made once more and its steps are kept.",
        "选一张图片，再按按钮：会重新生成一次，并保留各步。",
    ),
    "image_film_noisy": ("Reverse: noisy", "反向：带噪声"),
    "image_film_clean": ("Reverse: expected", "反向：预期"),
    "image_film_forward": ("Forward: noise added", "前向：加噪声"),
    "image_film_step": ("step {step}", "第 {step} 步"),
    "image_film_time": ("t = {t:.0f}", "t = {t:.0f}"),
    "image_film_title": (
        "timestep {t:.1f}: {signal:.0%} of the clean latent, {noise:.0%} noise",
        "时间步 {t:.1f}：干净潜变量占 {signal:.0%}，噪声占 {noise:.0%}",
    ),
    "image_film_signal": ("signal", "信号"),
    "image_film_noise": ("noise", "噪声"),
    "image_film_axis": ("timestep (noise on the left, the picture on the right)", "时间步（左为噪声，右为图片）"),
    "image_film_schedule": ("Noise schedule with the shown steps", "噪声调度与所示各步"),
    "image_film_seed": ("Film of seed {seed}", "种子 {seed} 的胶片"),
    "image_film_never": ("This model does not show its steps.", "此模型不展示其步骤。"),
    # the grid
    "image_grid": ("X/Y grid", "X/Y 网格"),
    "image_grid_info": (
        "Two settings against each other, everything else as above. Values: 1, 2, 3 or 1-10 (+3) or 1-10 [4]; for "
        "words, the first is looked for in the prompt and replaced by each.",
        "让两个设置相互对照，其余同上。取值：1, 2, 3 或 1-10 (+3) 或 1-10 [4]；"
        "对于词语，会在提示词里找到第一个并逐一替换。",
    ),
    "image_grid_x": ("Columns", "列"),
    "image_grid_y": ("Rows", "行"),
    "image_grid_values": ("Values", "取值"),
    "image_grid_go": ("Make the grid", "生成网格"),
    "image_grid_save": ("Download sheet", "下载整张表"),
    "image_grid_none": ("nothing", "无"),
    "image_grid_seed": ("seed", "种子"),
    "image_grid_steps": ("steps", "步数"),
    "image_grid_guidance": ("guidance", "引导强度"),
    "image_grid_scheduler": ("scheduler", "调度器"),
    "image_grid_words": ("words", "词语"),
    "image_grid_empty": (
        "Cells appear here one by one. Click one to put it among your pictures.",
        "格子会逐个出现在这里。点一个可放进你的图片。",
    ),
    "image_grid_cell": ("cell {which} of {count}", "第 {which} / {count} 格"),
    "image_grid_done": ("{n} cells in {s:.1f} s", "{n} 格，用时 {s:.1f} 秒"),
    "image_grid_unmade": ("There is no grid yet. Make one first.", "还没有网格。请先生成。"),
    # image to image
    "image_start": ("Begin from a picture", "从一张图片开始"),
    "image_start_info": (
        "Noise is added to this picture, and the model goes on from there.",
        "给这张图片加上噪声，模型从那里继续。",
    ),
    "image_start_picture": ("Start picture", "起始图"),
    "image_strength": ("Strength", "强度"),
    "image_strength_info": ("0 keeps the picture, 1 forgets it", "0 保留原图，1 完全忘掉"),
    # restoring
    "image_restore": ("Settings from a picture", "从图片恢复设置"),
    "image_restore_info": (
        "Drop a picture made here, or with AUTOMATIC1111, Forge, Fooocus or InvokeAI: its settings come back.",
        "放入在此处，或用 AUTOMATIC1111、Forge、Fooocus、InvokeAI 生成的图片，即可恢复其设置。",
    ),
    "image_restore_file": ("Picture file", "图片文件"),
    "image_restored": ("Restored: seed {seed}.", "已恢复：种子 {seed}。"),
    "image_restored_other": (
        "It was made with “{model}”, which is not in the menu: the model stays as it is.",
        "它由“{model}”生成，菜单中没有此模型：模型保持不变。",
    ),
    # what was sent
    "image_sent": ("What the model was sent", "模型收到了什么"),
    "image_sent_text": ("Settings of the last run, as its pictures carry them", "上次运行的设置，即图片所带的内容"),
    "image_sent_empty": ("Generate a picture to see it.", "生成一张图片后显示。"),
}
