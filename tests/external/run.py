"""The bridge with the plugin of this folder, which is installed nowhere."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "collector-child/bridge")]

from fix_plugin_bridge import main  # noqa: E402

main()
