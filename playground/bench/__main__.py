"""The command line of the benchmarks: one subcommand per tab."""

import argparse

from playground.bench import app_start, chat, cpu_threads, grounding, live_sliders, optimization, text_to_image
from playground.bench.machine import describe_machine


def main() -> None:
    """Run the benchmark asked for and print its tables as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m playground.bench", description=__doc__)
    tabs = parser.add_subparsers(dest="tab", required=True)
    app_start.add_arguments(tabs.add_parser("app", help="start of the app beside a bare import of gradio"))
    chat.add_arguments(tabs.add_parser("chat", help="decoding, latency and agreement of the embedded chat model"))
    live_sliders.add_arguments(tabs.add_parser("latent", help="live sliders of the VAE and GAN tabs"))
    text_to_image.add_arguments(tabs.add_parser("images", help="embedded text-to-image beside plain diffusers"))
    optimization.add_arguments(tabs.add_parser("ways", help="text-to-image drawn faster, way by way; for GPUs"))
    grounding.add_arguments(tabs.add_parser("grounding", help="the embedded model that answers with boxes"))
    cpu_threads.add_arguments(tabs.add_parser("threads", help="threads of a small network: one, all, or as are idle"))
    given = parser.parse_args()
    machine = describe_machine()
    print(f"Machine: {machine}\n", flush=True)
    given.run(given, machine)


if __name__ == "__main__":
    main()
