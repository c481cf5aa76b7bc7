"""Makes harder versions of a clip with ffmpeg's filters: what happens in it stays, when it happens stays, how it looks does not.

    python packaging/footage/variants.py people.mp4 out/            # all of them
    python packaging/footage/variants.py people.mp4 out/ night rain

Needs the program ffmpeg with libx264; no network.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

GOP_S = 1.0
MOST_RATE = "3M"  # bits a second, as a camera of this size is limited to: noise would take ten times as much
DARK = "lutyuv=y='16+(val-16)*0.22':u='128+(val-128)*0.4':v='128+(val-128)*0.4'"  # a lit room at 22 % of its light
SENSOR_NOISE = "noise=c0s=16:c0f=t:c1s=6:c1f=t:c2s=6:c2f=t"  # about 5 grey levels, new in each frame
# The crop's edges go round by up to nine pixels, at three frequencies: a camera on a pole in the wind.
SHAKE = (
    "crop=iw-40:ih-24:'20+6*sin(2*PI*1.3*t)+3*sin(2*PI*3.7*t+1)':'12+4*sin(2*PI*1.7*t+2)+2*sin(2*PI*4.1*t)',"
    "scale={width}:{height}:flags=bicubic"
)
# Noise whose peaks are drawn out downwards, other ones in each frame: a drop falls through the picture within a tenth of a second.
RAIN = (
    "color=c=gray:s={half_width}x{half_height}:r={fps},format=gray,noise=c0s=100:c0f=t,"
    "lut=y='if(gt(val,173),255,0)',dblur=angle=94:radius=14,lut=y='min(val*7,150)',"
    "scale={width}:{height}:flags=bilinear,format=gray[streaks];"
    "[0:v]format=yuv420p[clip];[streaks]format=yuv420p,lutyuv=u=128:v=128[veil];"
    "[clip][veil]blend=c0_mode=screen:c1_mode=normal:c2_mode=normal:c1_opacity=1:c2_opacity=1:shortest=1"
)
# At night a camera takes its infrared filter away: no colour, other greys. Once within a visit, back between two.
INFRARED_S = "between(t,32,71.5)+between(t,100,121.5)"
INFRARED = f"hue=s=0:enable='{INFRARED_S}',eq=gamma=1.5:contrast=0.8:enable='{INFRARED_S}'"
# The lamp of the room, and one that lights a third of it.
LAMP_S = "between(t,12,15)+between(t,46,48)+between(t,76.5,81)+between(t,121,122.5)"
SIDE_LAMP_S = "between(t,3,4)+between(t,27,33)+between(t,71,72)+between(t,104,109)"
LIGHT = f"eq=brightness=0.16:enable='{LAMP_S}',drawbox=x=0:y=0:w=iw/3:h=ih:color=white@0.25:t=fill:enable='{SIDE_LAMP_S}'"
# Four-fifths of the picture, which pans within a second: between two visits, within one, between two, and back.
PAN_X = "(in_w-out_w)*(0.5+0.5*(clip(t-46,0,1)-clip(t-60,0,1)-clip(t-88.5,0,1)+clip(t-105,0,1)))"
PAN = f"crop=iw*0.85:ih*0.85:'{PAN_X}':'(in_h-out_h)',scale={{width}}:{{height}}:flags=bicubic"


@dataclass(frozen=True)
class Variant:
    """A filter (of `{width}`, `{height}`, `{fps}`), and the seconds from one keyframe to the next."""

    filter: str
    gop_s: float = GOP_S


VARIANTS = {
    "night": Variant(f"{DARK},{SENSOR_NOISE}"),
    "shake": Variant(SHAKE),
    "rain": Variant(RAIN),
    "gop10": Variant("null", 10.0),
    "infrared": Variant(INFRARED),
    "light": Variant(LIGHT),
    "pan": Variant(PAN),
}


def make(source: Path, target: Path, variant: Variant) -> None:
    """Write one variant as H.264, as cameras send it: no B-frames, a fixed GOP."""
    width, height, fps = size_of(source)
    sizes = {"width": width, "height": height, "half_width": width // 2, "half_height": height // 2, "fps": fps}
    text = variant.filter
    for name, value in sizes.items():
        text = text.replace(f"{{{name}}}", f"{value}")
    graph = text if "[0:v]" in text else f"[0:v]{text}"
    gop = round(variant.gop_s * fps)
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "25", "-maxrate", MOST_RATE, "-bufsize", MOST_RATE]
    encode += ["-bf", "0", "-pix_fmt", "yuv420p", "-threads", "1"]
    keys = ["-g", f"{gop}", "-keyint_min", f"{gop}", "-sc_threshold", "0"]
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-i",
        str(source),
        "-filter_complex",
        graph,
        "-an",
        *encode,
        *keys,
        str(target),
    ]
    subprocess.run(command, check=True)


def size_of(source: Path) -> tuple[int, int, float]:
    """Return width, height and frames a second."""
    fields = "stream=width,height,r_frame_rate"
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", fields, "-of", "csv=p=0", str(source)]
    width, height, rate = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().split(",")[:3]
    over, _, under = rate.partition("/")
    return int(width), int(height), int(over) / int(under or 1)


def main() -> None:
    """Make what is asked for."""
    if len(sys.argv) < 3:
        raise SystemExit(f"usage: variants.py CLIP FOLDER [{' '.join(VARIANTS)}]")
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[3:] or VARIANTS:
        if name not in VARIANTS:
            raise SystemExit(f"there is no variant {name}: choose from {', '.join(VARIANTS)}")
        make(source, folder / f"{name}.mp4", VARIANTS[name])
        print(folder / f"{name}.mp4")


if __name__ == "__main__":
    main()
