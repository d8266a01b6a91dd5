"""The words of the grounding tab, in English and 中文: `tabs.common.words` merges them.

Invariants: every key starts with ground_.
"""

# key: (English, 中文)
WORDS: dict[str, tuple[str, str]] = {
    "tab_ground": ("Grounding", "图文定位"),
    "ground_send": ("To grounding", "送到图文定位"),
    "ground_none": (
        "No grounding model is in the catalogue. Add one with --catalog.",
        "目录中没有定位模型。可用 --catalog 添加。",
    ),
    "ground_model": ("Model", "模型"),
    "ground_model_line": (
        "{licence} · {state} · about {memory} of memory · boxes as {codec}. {note}",
        "{licence} · {state} · 约占内存 {memory} · 框格式 {codec}。{note}",
    ),
    # the picture
    "ground_drop": ("Drop a picture here", "把图片拖到这里"),
    "ground_drop_more": (
        "or click to choose one, or paste it. The examples below work offline.",
        "或点击选择，或直接粘贴。下面的例子可离线使用。",
    ),
    "ground_alt": ("The picture you ask about, {width} × {height} pixels", "所提问的图片，{width} × {height} 像素"),
    "ground_own": (
        "Your box. Arrow keys move it, with Shift they change its size, Delete removes it.",
        "你的框。方向键移动，按住 Shift 改变大小，Delete 删除。",
    ),
    "ground_draw": ("Draw a box", "画一个框"),
    "ground_draw_title": ("Or drag on the picture", "也可以直接在图片上拖动"),
    "ground_identify": ("What is this?", "这是什么？"),
    "ground_identify_title": ("Ask what is inside your box", "询问框里是什么"),
    "ground_region": ("Name it", "命名"),
    "ground_region_title": (
        "Keep this box under a name such as [r1], to be quoted in a question",
        "以 [r1] 这样的名字保留此框，可在问题中引用",
    ),
    "ground_similar": ("More like this", "找相似的"),
    "ground_similar_title": ("Find what looks like the inside of your box", "寻找与框内相似的部分"),
    "ground_similar_never": (
        "This model finds nothing by example. OWL-ViT does.",
        "此模型不能按示例查找。OWL-ViT 可以。",
    ),
    "ground_use": ("Use this box", "用这个框"),
    "ground_use_title": ("Make the chosen box of the answer your own", "把答案中选中的框变成你的框"),
    "ground_clear": ("Clear", "清除"),
    "ground_clear_title": ("Remove your box (Escape)", "删除你的框（Esc）"),
    "ground_flat": (
        "A box needs a width and a height. Type other corners.",
        "框需要有宽和高。请输入别的角点。",
    ),
    "ground_percent": ("Percent of the width or height", "占宽或高的百分比"),
    "ground_boxes": ("Boxes", "框"),
    "ground_labels": ("Labels", "标签"),
    "ground_width": ("Line", "线宽"),
    "ground_heat": ("Heat", "热图"),
    "ground_cool": ("Hide heat", "隐藏热图"),
    "ground_other": ("Another picture", "换一张图片"),
    "ground_quote": ("Quote it in the question", "在问题中引用"),
    "ground_forget": ("Take away", "移除"),
    "ground_sending": ("Sending the picture…", "正在发送图片……"),
    "ground_unsent": (
        "The picture could not be sent: it is too large, or the app cannot be reached. Try a smaller one.",
        "图片未能发送：文件太大，或无法连接应用。请换一张小些的。",
    ),
    "ground_examples": ("Try one", "试一试"),
    # the question
    "ground_prompt": ("Question", "问题"),
    "ground_prompt_hint": (
        "Ask about the picture. Enter asks",
        "就图片提问，按回车",
    ),
    "ground_ask": ("Ask", "提问"),
    "ground_ask_chat": ("Chat", "对话"),
    "ground_ask_caption": ("Caption", "描述"),
    "ground_ask_grounded_caption": ("Grounded caption", "带框描述"),
    "ground_ask_refer": ("Refer", "指代"),
    "ground_ask_detect": ("Detect", "检测"),
    "ground_ask_identify": ("Identify", "识别"),
    "ground_ask_vqa": ("Answer", "问答"),
    "ground_hint_chat": ("Ask anything about the picture, in your own words.", "用你自己的话，随便问。"),
    "ground_hint_caption": ("The picture in a sentence, without boxes.", "用一句话描述图片，不带框。"),
    "ground_hint_grounded_caption": (
        "The picture in a sentence; every thing it names gets its box while it is written.",
        "用一句话描述图片；写到的每样东西都会画出框。",
    ),
    "ground_hint_refer": (
        "Describe one thing, and its box appears: the bald person with sunglasses.",
        "描述一样东西，它的框就会出现，例如：the bald person with sunglasses。",
    ),
    "ground_hint_detect": (
        "Name a kind of thing, and all of them get boxes: glasses.",
        "说出一类东西，全部框出来：glasses。",
    ),
    "ground_hint_identify": (
        "Drag a box on the picture (or type its corners) and be told what is in it.",
        "在图片上拖一个框（或输入角点），看看里面是什么。",
    ),
    "ground_hint_vqa": ("A short question, a short answer.", "短问短答。"),
    "ground_send_crop": ("Box to the VAE tab", "把框送到 VAE 页"),
    # the conversation
    "ground_talk_empty": (
        "Answers appear here. What they name is coloured as its box on the picture: point at either, or click to see "
        "one alone.",
        "回答会出现在这里。提到的东西与图上的框同色：指向任意一个会互相点亮，点击则只看这一个。",
    ),
    "ground_box": ("a box", "一个框"),
    "ground_back": ("Find it again from these words", "用这句话再找回来"),
    "ground_back_iou": ("IoU with the box you drew: {iou:.2f}.", "与你画的框的 IoU：{iou:.2f}。"),
    "ground_back_none": (
        "No box came back, so there is nothing to compare with yours.",
        "没有返回框，无法与你的框比较。",
    ),
    "ground_compared": (
        "Dashed: {other}. Mean IoU of {n} pairs of boxes: {iou:.2f}.",
        "虚线：{other}。{n} 对框的平均 IoU：{iou:.2f}。",
    ),
    "ground_compared_none": ("Neither model drew a box to compare.", "两个模型都没有可比较的框。"),
    "ground_similar_asked": ("What looks like this box?", "哪些与这个框相似？"),
    "ground_prompt_sent": ("What the model was sent", "模型收到了什么"),
    "ground_raw": ("What it said, word for word", "模型的原话"),
    "ground_report": ("Prompt and raw output", "提示词与原始输出"),
    "ground_report_n": ("Prompt, raw output, parse report ({n})", "提示词、原始输出、解析报告（{n}）"),
    "ground_boxes_n": ("{n} boxes", "{n} 个框"),
    "ground_boxes_1": ("1 box", "1 个框"),
    "ground_tokens": ("{n} tokens", "{n} 个词元"),
    "ground_seconds": ("{s:.1f} s", "{s:.1f} 秒"),
    "ground_cut": ("cut at the most tokens", "到达词元上限"),
    "ground_stopped": ("Stopped.", "已停止。"),
    "ground_starting": ("Getting the model ready", "正在准备模型"),
    "ground_ready": ("Answering", "正在回答"),
    "ground_asked_done": ("Done in {s:.1f} s.", "用时 {s:.1f} 秒。"),
    "ground_clear_talk": ("New conversation", "新对话"),
    # settings
    "ground_settings": ("Sampling", "采样"),
    "ground_temperature": ("Temperature", "温度"),
    "ground_temperature_info": ("0 is greedy: the same question, the same boxes", "0 为贪心：同样的问题，同样的框"),
    "ground_seed": ("Seed", "种子"),
    "ground_new_seed": ("New seed each time", "每次换新种子"),
    "ground_most": ("Most new tokens", "最多新词元"),
    "ground_threshold": ("Score threshold", "分数阈值"),
    "ground_threshold_info": (
        "Boxes below it are hidden at once; the model is not asked again.",
        "低于它的框立即隐藏，不会重新询问模型。",
    ),
    "ground_overlap": ("Most overlap (IoU)", "最大重叠（IoU）"),
    "ground_overlap_info": (
        "Of boxes of a phrase that overlap more, the surer one stays; 1 keeps all.",
        "同一短语的框若重叠更多，只留分数高的；1 表示全部保留。",
    ),
    "ground_compare": ("Compare with", "对比模型"),
    "ground_compare_none": ("no other model", "不对比"),
    "ground_compare_info": (
        "The same question goes to this model too; its boxes are dashed.",
        "同一个问题也会问这个模型；它的框是虚线。",
    ),
    # what the eyes see
    "ground_eyes": ("What the eyes see", "模型在看哪里"),
    "ground_eyes_info": (
        "A heat map of the picture: where the model's eyes find a phrase, or with no phrase what they attend to.",
        "图片的热图：模型的“眼睛”在哪里找到这个短语；不填短语则显示其自身的注意力。",
    ),
    "ground_eyes_phrase": ("Phrase", "短语"),
    "ground_eyes_go": ("Show", "显示"),
    "ground_eyes_never": ("This model does not show what it sees.", "此模型不展示它所见。"),
    "ground_eyes_done": ("Brighter is more.", "越亮越强。"),
    # export
    "ground_export": ("Export the answer", "导出答案"),
    "ground_export_none": (
        "There is no finished answer yet. Ask something, then export it.",
        "还没有完成的答案。请先提问，再导出。",
    ),
    "ground_export_png": ("Annotated PNG", "带框 PNG"),
    "ground_export_yolo_names": ("YOLO classes", "YOLO 类别"),
    # what goes wrong
    "ground_no_picture": (
        "There is no picture yet. Drop one in, or choose an example.",
        "还没有图片。请放入一张，或选一个例子。",
    ),
    "ground_no_box": (
        "There is no box yet. Drag one on the picture, or type its corners.",
        "还没有框。请在图片上拖一个，或输入角点。",
    ),
    "ground_gone": ("That answer is not here any more. Choose another.", "那个回答已不在。请另选一个。"),
    "ground_busy": (
        "An answer is being written. Stop it first, or wait for its end.",
        "正在书写回答。请先停止，或等它写完。",
    ),
    "ground_not_sent": (
        "The picture did not arrive here. Choose it again.",
        "图片没有送到。请重新选择。",
    ),
}
