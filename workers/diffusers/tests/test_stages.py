"""Stages as seen from outside a pipeline."""

from itertools import pairwise

import torch

from vidbench_diffusers.stages import Span, Timeline


class Vae(torch.nn.Module):
    def decode(self, latents):
        return latents


def test_stages_follow_each_other_and_steps_are_told():
    told = []
    timeline = Timeline(lambda: None, told.append)
    parts = {"text_encoder": torch.nn.Linear(2, 2), "transformer": torch.nn.Linear(2, 2), "vae": Vae()}
    with timeline.watching(parts):
        parts["text_encoder"](torch.zeros(1, 2))
        for _ in range(3):
            parts["transformer"](torch.zeros(1, 2))
            timeline.step()
        parts["vae"].decode(torch.zeros(1, 2))
    spans = timeline.spans()
    assert [span.name for span in spans] == ["text_encode", "denoise", "vae_decode"]
    assert all(a.end_ns <= b.start_ns for a, b in pairwise(spans))
    assert told == timeline.step_ends and len(told) == 3
    assert "decode" not in vars(parts["vae"])  # nothing is left behind
    parts["transformer"](torch.zeros(1, 2))
    assert timeline.spans() == spans


def test_a_compiled_network_is_compiled_without_what_watches_it():
    part = torch.nn.Linear(2, 2)
    graphs = []
    part.compile(backend=lambda graph, _: graphs.append(graph) or graph.forward)
    for _ in range(3):
        timeline = Timeline(lambda: None, lambda _: None)
        with timeline.watching({"transformer": part}):
            part(torch.zeros(1, 2))
        assert [span.name for span in timeline.spans()] == ["denoise"]
    assert len(graphs) == 1, "once, whatever the number of samples"


def test_neighbours_are_one_stage_and_chunks_are_several():
    timeline = Timeline(lambda: None, lambda _: None)
    timeline._spans = [Span("denoise", 1, 2), Span("denoise", 3, 4), Span("vae_decode", 5, 6), Span("denoise", 7, 8)]
    assert timeline.spans() == [Span("denoise", 1, 4), Span("vae_decode", 5, 6), Span("denoise", 7, 8)]


def test_what_lies_within_a_stage_is_part_of_it():
    timeline = Timeline(lambda: None, lambda _: None)
    timeline._spans = [Span("text_encode", 1, 10), Span("denoise", 2, 3), Span("denoise", 11, 12)]
    assert timeline.spans() == [Span("text_encode", 1, 10), Span("denoise", 11, 12)]
