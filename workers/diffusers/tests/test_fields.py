"""Fields go to the argument that a pipeline has for them, or the request is refused."""

import pytest

from vidbench_diffusers import fields
from vidbench_diffusers.failure import Failure
from vidbench_diffusers.messages import Generate, Params

WAN = {
    "prompt",
    "negative_prompt",
    "height",
    "width",
    "num_frames",
    "num_inference_steps",
    "guidance_scale",
    "guidance_scale_2",
    "generator",
}


def asked(negative=None, **changed):
    params = {"steps": 4, "guidance": 5.0, "frames": 9, "width": 32, "height": 16, "fps": 8.0} | changed
    return Generate(sample="0", model="m", prompt="a boat", seed=1, params=Params(**params), output="/tmp/a.mp4", negative=negative)


def test_the_usual_names():
    found = fields.arguments(asked(negative="blur"), WAN, {"guidance_scale_2": 3.0})
    assert found == {
        "prompt": "a boat",
        "negative_prompt": "blur",
        "height": 16,
        "width": 32,
        "num_frames": 9,
        "num_inference_steps": 4,
        "guidance_scale": 5.0,
        "guidance_scale_2": 3.0,
    }


def test_other_names_for_the_same():
    found = fields.arguments(asked(), {"video_length", "fps", "num_inference_steps", "max_guidance_scale"}, {})
    assert found == {"video_length": 9, "fps": 8, "num_inference_steps": 4, "max_guidance_scale": 5.0}


@pytest.mark.parametrize(
    ("taken", "call", "changed", "words"),
    [
        (WAN - {"guidance_scale"}, {}, {}, "guidance"),
        (WAN - {"num_inference_steps"}, {}, {}, "steps"),
        (WAN, {"guidance_scale_3": 1}, {}, "did you mean guidance_scale"),
        (WAN, {"num_frames": 5}, {}, "requests set this argument"),
        (WAN, {"generator": 5}, {}, "requests set this argument"),
        (WAN | {"fps"}, {}, {"fps": 7.5}, "whole numbers"),
        (WAN - {"negative_prompt"}, {}, {"negative": "blur"}, "takes no negative"),
    ],
)
def test_nothing_is_dropped(taken, call, changed, words):
    with pytest.raises(Failure) as refusal:
        fields.arguments(asked(**changed), taken, call)
    assert words in f"{refusal.value.message} {refusal.value.hint}"
