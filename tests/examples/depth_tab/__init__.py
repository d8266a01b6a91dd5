"""A sixth tab from outside: depth estimation with any `DepthAnythingForDepthEstimation` of transformers.

Start the app with `--extension tests.examples.depth_tab` and a catalogue file that names a model of the family
`depth-anything`; the tab stands behind the app's own, accepts pictures from other tabs, and answers at `/depth`.
"""

from playground.families import Extension, Family, lazy, listed_in_16_bits
from tabs.common.tab import Tab
from tests.examples.depth_tab.layout import depth_tab
from tests.examples.depth_tab.words import WORDS

TAB = Tab("depth", "tab_depth", depth_tab, WORDS)

EXTENSION = Extension(
    families=(
        Family(
            name="depth-anything",
            tab="depth",
            load=lazy("tests.examples.depth_tab.model:load"),  # imports torch, so not before a model is wanted
            memory=listed_in_16_bits,
        ),
    ),
    tabs=(TAB,),
)
