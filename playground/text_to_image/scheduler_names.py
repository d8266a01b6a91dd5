"""The names other tools give to samplers, and the scheduler classes of diffusers they mean.

Invariants: one table, read both ways. A class has one name it is written under (`scheduler_label`), and any number of
names it is recognised by (`scheduler_class`); a class without a name of its own is written as it is.
"""

import re

# class of diffusers: Automatic1111's name first, then ComfyUI's, Fooocus' and InvokeAI's
_TABLE: dict[str, tuple[str, ...]] = {
    "EulerDiscreteScheduler": ("Euler", "euler_k"),
    "EulerAncestralDiscreteScheduler": ("Euler a", "euler_ancestral", "Euler Ancestral"),
    "DPMSolverMultistepScheduler": (
        "DPM++ 2M", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "dpmpp_3m",
        "DPM++ 3M SDE", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu",
    ),
    "DPMSolverSinglestepScheduler": ("DPM++ 2S a", "dpmpp_2s", "dpmpp_2s_ancestral", "DPM++ 2S"),
    "DPMSolverSDEScheduler": ("DPM++ SDE", "dpmpp_sde", "dpmpp_sde_gpu"),
    "HeunDiscreteScheduler": ("Heun", "heunpp2"),
    "KDPM2DiscreteScheduler": ("DPM2", "dpm_2", "kdpm_2"),
    "KDPM2AncestralDiscreteScheduler": ("DPM2 a", "dpm_2_ancestral", "kdpm_2_a"),
    "LMSDiscreteScheduler": ("LMS",),
    "DDIMScheduler": ("DDIM",),
    "DDPMScheduler": ("DDPM",),
    "PNDMScheduler": ("PLMS", "pndm"),
    "UniPCMultistepScheduler": ("UniPC", "uni_pc", "uni_pc_bh2"),
    "LCMScheduler": ("LCM",),
    "TCDScheduler": ("TCD",),
    "DEISMultistepScheduler": ("DEIS",),
    "IPNDMScheduler": ("IPNDM", "ipndm_v"),
    "SASolverScheduler": ("SA-Solver", "sa_solver"),
    "FlowMatchEulerDiscreteScheduler": ("Euler FlowMatch", "flow match euler"),
    "FlowMatchHeunDiscreteScheduler": ("Heun FlowMatch", "flow match heun"),
    "SCMScheduler": ("SCM",),
}  # fmt: skip
# Noise schedules that other tools put behind a sampler's name.
_SUFFIX = re.compile(r"[ _](karras|exponential|polyexponential|sgm uniform|simple|beta|k)$", re.IGNORECASE)
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]{1,60}Scheduler")


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


_CLASSES = {_plain(name): kind for kind, names in _TABLE.items() for name in (kind, *names)}


def scheduler_label(scheduler: str) -> str:
    """The name a scheduler class is written under in a picture's `parameters`.

    Args:
        scheduler: A class name of diffusers.
    """
    return _TABLE[scheduler][0] if scheduler in _TABLE else scheduler


def scheduler_class(name: str) -> str:
    """The scheduler class that a name means.

    Args:
        name: Any tool's name of a sampler, or a class name.

    Returns:
        A class name of diffusers; "" for an unknown name.
    """
    return _split(name)[0]


def noise_schedule_name(name: str) -> str:
    """The noise schedule that a tool put behind a sampler's name ("Karras"), or "".

    Args:
        name: Any tool's name of a sampler.
    """
    return _split(name)[1]


def _split(name: str) -> tuple[str, str]:
    if _plain(name) in _CLASSES:
        return _CLASSES[_plain(name)], ""
    suffix = _SUFFIX.search(name)
    if suffix and _plain(name[: suffix.start()]) in _CLASSES:
        schedule = "Karras" if suffix[1].lower() == "k" else suffix[1]
        return _CLASSES[_plain(name[: suffix.start()])], schedule
    return (name, "") if _CLASS.fullmatch(name) else ("", "")
