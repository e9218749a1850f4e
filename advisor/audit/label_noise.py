"""Answers that are probably wrong, ranked, and how many there are in all."""

import numpy as np

from advisor.audit.material import Found, Material
from advisor.audit.noise import Noise
from advisor.records import Suspect
from pipeline.tasks.pooled import shown_answer

MOST_SUSPECTS = 200
"""Suspects that an audit lists."""


def find_label_noise(material: Material) -> list[Found]:
    """Rows of which a model that did not see them is surer to be otherwise than hard rows explain."""
    noise = material.noise
    if noise is None:
        return []
    places = _suspected(material, noise)
    reader = (
        f"a linear probe on {material.candidates[0].name}" if material.embedder() is not None else "counts of words"
    )
    values = {"reader": reader, "agreement": f"{100 * noise.agreement:.1f} %"}
    code = "score_outliers"
    if noise.rate is not None:
        code = "label_noise"
        values["rate"] = f"{100 * noise.rate.point:.1f} %"
        values["interval"] = f"{100 * noise.rate.low:.1f} to {100 * noise.rate.high:.1f} %"
    examples = [
        f"{material.example(noise.positions[place])} ({_answer(material, noise, place)}; likelier {shown_answer(noise.likelier[place])})"
        for place in places[:3]
    ]
    return [Found(code, len(places), len(noise.positions), examples, values)]


def list_suspects(material: Material) -> list[Suspect]:
    """The rows to read first, the least credible answer first."""
    noise = material.noise
    if noise is None:
        return []
    return [
        Suspect(
            row=material.data.place(noise.positions[place]),
            row_id=material.data.rows.ids[noise.positions[place]],
            answer=_answer(material, noise, place),
            likelier=shown_answer(noise.likelier[place]),
            doubt=float(noise.doubt[place]),
            text=material.beginning(noise.positions[place]),
        )
        for place in _suspected(material, noise)[:MOST_SUSPECTS]
    ]


def _suspected(material: Material, noise: Noise) -> list[int]:
    """Places of the rows in doubt, the least credible first."""
    name = "noise_doubt" if noise.rate is not None else "noise_deviations"
    doubted = np.flatnonzero(noise.doubt >= material.rules.audit.numbers[name].value)
    return [int(place) for place in doubted[np.argsort(noise.credit[doubted], kind="stable")]]


def _answer(material: Material, noise: Noise, place: int) -> str:
    return shown_answer(material.data.rows.answers[noise.positions[place]])
