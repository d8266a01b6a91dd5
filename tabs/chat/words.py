"""Words of the chat tab, in English and 中文."""

# key: (English, 中文)
WORDS: dict[str, tuple[str, str]] = {
    "tab_chat": ("Chat", "对话"),
    # conversation
    "chat_view": ("Conversation", "对话"),
    "chat_empty": ("Say hello, or choose an example below.", "打个招呼，或从下面选一个例子。"),
    "message": ("Message", "消息"),
    "message_hint": (
        "Type a message, Enter sends, Shift+Enter makes a new line",
        "输入消息，回车发送，Shift+回车换行",
    ),
    "send": ("Send", "发送"),
    "regenerate": ("Regenerate", "重新生成"),
    "continue": ("Continue", "继续"),
    "undo": ("Undo", "撤销"),
    "export": ("Export", "导出"),
    "import": ("Import", "导入"),
    "examples": ("Try one", "试一试"),
    "reasoning": ("Reasoning", "思考过程"),
    # settings
    "model_own": ("or type a hub id, owner/name", "也可输入 Hub 上的 owner/name"),
    "system_prompt": ("System prompt", "系统提示词"),
    "system_prompt_hint": (
        "Who the model should be. Empty: its own default",
        "希望模型扮演的角色；留空则用它自己的默认设置",
    ),
    "settings": ("Sampling", "采样"),
    "temperature_info": ("0 always says the likeliest token", "0 总是说最可能的词"),
    "top_p": ("Top-p", "Top-p"),
    "top_k": ("Top-k (0: off)", "Top-k（0：关闭）"),
    "min_p": ("Min-p", "Min-p"),
    "repetition_penalty": ("Repetition penalty", "重复惩罚"),
    "max_new_tokens": ("Max tokens", "最多词元数"),
    "seed_info": ("Same seed, same reply", "相同种子，相同回复"),
    "thinking": ("Think before answering", "先思考再回答"),
    # looking inside
    "inside": ("Inside the reply", "回复的内部"),
    "inside_empty": (
        "The reply appears here token by token, coloured by how surprising each was. Click one.",
        "回复会逐个词元显示在这里，颜色表示它有多出人意料。点一个看看。",
    ),
    "prompt_seen": ("The prompt as the model saw it", "模型看到的提示词"),
    "prompt_empty": ("Send a message to see it.", "发送消息后显示。"),
    # words of the inspector component
    "sure": ("expected", "意料之中"),
    "surprising": ("surprising", "出人意料"),
    "bits": ("bits of surprise", "比特意外度"),
    "alternatives": ("What it could have said", "本来还可以说"),
    "before": ("model", "模型"),
    "after": ("after sampler", "采样后"),
    "from_here": ("continue from this", "由此继续"),
    "lens": ("Logit lens: what each layer would say", "Logit lens：各层会说什么"),
    "layer": ("layer", "层"),
    "lens_top": ("likeliest", "最可能"),
    "lens_said": ("of the said one", "所说的词"),
    "attention": (
        "Where it looked: mean attention over all layers and heads (the first token, where attention rests, is left "
        "out of the colour scale)",
        "它在看哪里：所有层与头的平均注意力（首个词元是注意力的“休息处”，不计入颜色标度）",
    ),
    "entropy": ("How undecided it was: {bits:.1f} bits of entropy.", "它有多犹豫：熵为 {bits:.1f} 比特。"),
    "estimate": (
        "After-sampler figures are an estimate: the likeliest tokens alone do not settle where top-p cuts.",
        "采样后的数值为估计：仅凭最可能的词元无法确定 top-p 的截断处。",
    ),
    "looking": ("Looking inside the model…", "正在查看模型内部……"),
    # composed in Python
    "status_prompt": ("prompt {n}", "提示词 {n}"),
    "status_reused": ("({n} reused)", "（复用 {n}）"),
    "status_first": ("first token {s:.2f} s", "首个词元 {s:.2f} 秒"),
    "status_speed": ("{n} tokens at {rate:.0f}/s", "{n} 个词元，每秒 {rate:.0f} 个"),
    "status_context": ("context {used:,} of {limit:,}", "上下文 {used:,} / {limit:,}"),
    "status_stopped": ("stopped", "已停止"),
    "status_length": ("token limit reached: Continue goes on", "到达长度上限：按“继续”接着写"),
    "held_nothing": ("No model in memory yet.", "内存中还没有模型。"),
    "held": ("In memory: {models}.", "内存中：{models}。"),
    "place_ram": ("CPU", "CPU"),
    "place_device": ("GPU", "GPU"),
    "status_seed": ("seed {seed}", "种子 {seed}"),
    "status_dropped": (
        "The context is full: the oldest {n} messages were left out of this prompt.",
        "上下文已满：本次提示词省略了最早的 {n} 条消息。",
    ),
    "imported": ("{n} messages imported.", "已导入 {n} 条消息。"),
    "busy": (
        "A reply is being written. Stop it first, or wait for its end.",
        "正在书写回复。请先停止，或等它写完。",
    ),
}
