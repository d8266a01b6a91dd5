"""Words and marks that people bring along from other image programs: they mean nothing drawable here.

Sources: the prompt syntax of AUTOMATIC1111's web UI (attention weights, extra networks, schedules), the parameters of
Midjourney, and the usual quality words.
"""

import re

QUALITY = tuple(
    phrase.strip()
    for phrase in """
    masterpiece, best quality, high quality, top quality, highest quality, good quality, amazing quality,
    worst quality, low quality, normal quality, high detail, highly detailed, ultra detailed,
    extremely detailed, hyper detailed, hyperdetailed, very detailed, super detailed, insanely detailed,
    intricate, intricate details, intricate detail, fine details, finely detailed, detailed background,
    detailed, 8k, 4k, 16k, 2k, hd, uhd, fhd, full hd, ultra hd, hdr, 1080p, high resolution, high res,
    highres, absurdres, incredibly absurdres, 8k uhd, 8k wallpaper, 4k wallpaper, unity 8k wallpaper,
    trending on artstation, artstation, trending on artstation hq, artstationhq, deviantart, cgsociety,
    featured on behance, behance, pixiv, pinterest, trending on deviantart, trending, octane render,
    unreal engine, unreal engine 5, unreal engine 4, ue5, unity engine, blender render, cinema 4d, vray,
    v ray, redshift render, ray tracing, raytracing, path tracing, global illumination,
    subsurface scattering, physically based rendering, cgi, vfx, cinematic, cinematic lighting,
    cinematic light, dramatic lighting, volumetric lighting, volumetric light, studio lighting,
    soft lighting, natural lighting, rim lighting, backlighting, ambient lighting, professional lighting,
    perfect lighting, beautiful lighting, god rays, lens flare, bloom, chromatic aberration, film grain,
    sharp focus, in focus, focus, depth of field, shallow depth of field, bokeh, dof, tilt shift,
    wide angle, macro, macro shot, telephoto, fisheye, 35mm, 50mm, 85mm, f 1 8, iso 100, dslr, canon, nikon,
    hasselblad, raw photo, raw, long exposure, motion blur, polaroid, kodak, fujifilm, photorealistic,
    photo realistic, photorealism, hyperrealistic, hyper realistic, hyperrealism, ultra realistic,
    realistic, realism, lifelike, surreal, surrealism, award winning, award winning photo,
    award winning photography, professional, professional photo, professional photography, stunning,
    breathtaking, gorgeous, epic, perfect, flawless, official art, aesthetic, very aesthetic, newest,
    beautiful detailed, concept art, digital art, digital painting, matte painting, oil painting,
    oil on canvas, watercolor, watercolour, watercolor painting, pencil sketch, line art, lineart,
    pixel art, vector art, low poly, isometric, flat design, pop art, ukiyo e, impressionism, art nouveau,
    comic style, manga, manga style, anime, anime style, ghibli, studio ghibli, ghibli style, pixar,
    pixar style, disney, disney style, cartoon style, 3d render, 3d style, claymation, lego, papercraft,
    origami style, by greg rutkowski, greg rutkowski, artgerm, by artgerm, alphonse mucha,
    by alphonse mucha, makoto shinkai, wlop, loish, ilya kuvshinov, beeple, by beeple, van gogh,
    style of van gogh, in the style of van gogh, solo, looking at viewer, full body, upper body,
    simple background, no humans, safe, nsfw, sfw, rating safe, score 9, score 8 up, score 7 up, score 9 up,
    score 8, source anime, source pony, general, commentary, text free, no text, no watermark, watermark,
    signature, username, jpeg artifacts, bad anatomy, bad hands, extra fingers, missing fingers, deformed,
    ugly, lowres, cropped, worst, vibrant colors, vibrant colours, vibrant, vivid colors, vivid colours,
    colorful palette, symmetrical, symmetry, rule of thirds, golden ratio, dynamic angle, dynamic pose,
    dynamic lighting, elegant composition, clean lines, smooth shading, cel shading, white outline, 杰作,
    最高质量, 最佳质量, 高质量, 高品质, 高清, 超高清, 超清, 高分辨率, 超高分辨率, 8k高清, 4k高清, 大师作品,
    大师级, 大师之作, 精致细节, 细节丰富, 极致细节, 超细节, 超精细, 精细, 精美, 电影感, 电影质感, 电影级,
    光线追踪, 虚幻引擎, 写实, 超写实, 逼真, 真实感, 照片级, 摄影作品, 专业摄影, 获奖作品, 景深, 浅景深,
    体积光, 柔光, 唯美, 绝美, 概念艺术, 数字艺术, 动漫风, 动漫风格, 二次元, 吉卜力风格, 宫崎骏风格,
    皮克斯风格, 赛博朋克风格, 水墨风格, 画质, 高画质, 史诗级, 最好质量
    """.replace("\n", ",").split(",")
    if phrase.strip()
)  # fmt: skip

# Extra networks and embeddings, then parameters behind dashes, then HTML: all of it is left out.
NETWORK = re.compile(r"<(?:lora|lyco|hypernet|ti|embedding):[^<>]{0,200}>|\bembedding:[\w.\-]{1,80}", re.IGNORECASE)
PARAMETER = re.compile(r"(?<!\S)--[a-zA-Z]+(?:[ \t]+(?!--)[\w.:/\-]+)?")
MARKUP = re.compile(r"</?[a-zA-Z!][^<>]{0,300}>")
NEGATIVE = re.compile(r"(?i)(?:negative prompt|反向提示词|负面提示词)\s*[:：].*", re.DOTALL)
# "(red car:1.3)": the weight is left out, what it weighs is read.
WEIGHT = re.compile(r":[ \t]*[+-]?\d*\.?\d+(?=[ \t]*[)\]）])")
# "[cat:dog:0.5]" and "[cat|dog]" draw one thing after the other: the first is read.
SCHEDULE = re.compile(r"(?<=\[)([^\[\]:|]{0,200})([:|][^\[\]]{0,200})(?=\])")
BRACKETS = re.compile(r"[()\[\]{}（）【】「」]")
BREAK = re.compile(r"\bBREAK\b")
COUNTED_TAG = re.compile(r"(\d)\+?((?:multiple )?(?:girl|boy|woman|man|cat|dog)s?)$")
