"""The words of the photographs panel, in English and 中文.

Invariants: every key starts with photo_.
"""

# key: (English, 中文)
WORDS: dict[str, tuple[str, str]] = {
    "photo_intro": (
        "An autoencoder compresses a photograph into a small latent and reconstructs it from that alone. Stable "
        "Diffusion, SDXL, SD 3 and FLUX draw in such a latent space.",
        "自编码器把照片压缩成很小的潜变量，再只凭它重新画出照片。"
        "Stable Diffusion、SDXL、SD 3 与 FLUX 都在这样的潜空间里作画。",
    ),
    "photo_picture": ("Photograph", "照片"),
    "photo_second": ("Second photograph", "第二张照片"),
    "photo_side": ("Longer side, pixels", "长边像素数"),
    "photo_side_info": (
        "Larger photographs are made smaller first; the status line says so",
        "更大的照片会先缩小，并在状态栏说明",
    ),
    "photo_run": ("Reconstruct", "重建"),
    "photo_sheet": ("How few bits?", "多少比特够用？"),
    "photo_between": ("From one to the other", "从一张到另一张"),
    "photo_count": ("Pictures", "图片数"),
    "photo_changes": ("Change the latent", "改变潜变量"),
    "photo_noise": ("Noise", "噪声"),
    "photo_noise_info": ("Standard deviations; 1 is as strong as the latent", "以标准差计；1 与潜变量本身一样强"),
    "photo_bits": ("Bits per number (0: all)", "每个数的比特数（0：全部）"),
    "photo_reset": ("Reset", "重置"),
    "photo_compare": ("Before and after", "前后对比"),
    "photo_gallery": ("Pictures", "图片"),
    "photo_moving": ("Animation", "动画"),
    "photo_none": ("No autoencoder for photographs is in the catalogue.", "目录中没有用于照片的自编码器。"),
    # composed in Python
    "photo_model_line": (
        "{licence} · {state} · about {memory} of memory. {note}",
        "{licence} · {state} · 约占内存 {memory}。{note}",
    ),
    "photo_no_picture": (
        "Add a photograph first: upload one, paste it, or use the webcam.",
        "请先放入一张照片：上传、粘贴或用摄像头拍摄。",
    ),
    "photo_no_second": (
        "Add a second photograph as well: the interpolation ends there.",
        "请再放入第二张照片，作为终点。",
    ),
    "photo_encode": ("Encoding: step {done} of {total}", "编码中：第 {done} / {total} 步"),
    "photo_decode": ("Decoding: step {done} of {total}", "解码中：第 {done} / {total} 步"),
    "photo_measure": ("Measuring: step {done} of {total}", "测量中：第 {done} / {total} 步"),
    "photo_stopped": ("Stopped.", "已停止。"),
    "photo_size": ("{width} × {height} pixels", "{width} × {height} 像素"),
    "photo_scaled": (
        "{width} × {height} pixels, made smaller from {from_width} × {from_height}",
        "{width} × {height} 像素（由 {from_width} × {from_height} 缩小）",
    ),
    "photo_latent": ("latent {shape} = {numbers:,} numbers", "潜变量 {shape} = {numbers:,} 个数"),
    "photo_bpp": (
        "{bpp:.2f} bits per pixel, {ratio:.1f} times fewer than the 24 of the picture",
        "每像素 {bpp:.2f} 比特，是原图 24 比特的 1/{ratio:.1f}",
    ),
    "photo_psnr": ("PSNR {psnr:.1f} dB · SSIM {ssim:.3f}", "PSNR {psnr:.1f} dB · SSIM {ssim:.3f}"),
    "photo_seconds": ("{seconds:.1f} s", "{seconds:.1f} 秒"),
    "photo_row": (
        "{bits} per number · {bpp:.2f} bits per pixel · {psnr:.1f} dB",
        "每数 {bits} · 每像素 {bpp:.2f} 比特 · {psnr:.1f} dB",
    ),
    "photo_bit": ("1 bit", "1 比特"),
    "photo_bit_count": ("{n} bits", "{n} 比特"),
    "photo_way": ("{percent:.0f} %", "{percent:.0f} %"),
    "photo_frames": ("{count} pictures", "{count} 张图片"),
}
WORDS |= {f"photo_gain_{number}": (f"Gain of channel {number}", f"第 {number} 通道增益") for number in range(1, 17)}
