"""How varied the texts are to a model: twins of the same meaning, groups of like texts, regions that no label reaches."""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from advisor.audit.material import EXAMPLES, LONGEST_EXAMPLE, Found, Material
from advisor.audit.noise import MOST_ROWS, draw_positions
from pipeline.embeddings import Embedder
from pipeline.predictors.probe import embed
from pipeline.preparation import as_one_text
from pipeline.task import Array, Input

GROUPS = 50
"""Groups of like texts that are made, fewer where there are few rows."""
FEWEST_ROWS = 20
"""Rows below which nothing is said of how varied they are."""
ROWS_A_GROUP = 10
"""Rows that a group has at least, on average."""
BLOCK = 1_000
"""Rows that are compared with all others at once."""
CHANCE = 0.01
"""How rarely a region that looks bare may be so by chance, over all regions together."""


def find_uniform_texts(material: Material) -> list[Found]:
    """How many wholly different texts the rows amount to, and how many have a twin of the same meaning."""
    embedder = material.embedder()
    positions = draw_positions(material.data, material.task, material.answers.seed, MOST_ROWS)
    if embedder is None or len(positions) < FEWEST_ROWS:
        return []
    rows = material.data.rows.take(positions)
    features = _directions(embedder, rows.inputs)
    near = _nearest(features)
    twins = np.flatnonzero(near >= material.rules.audit.numbers["twin_similarity"].value)
    sizes = np.bincount(_groups(features))
    kinds = [material.task.kinds(answer) for answer in rows.answers]
    varied = {
        label: count_different(features[[label in own for own in kinds]])
        for label in {label for own in kinds for label in own}
        if sum(label in own for own in kinds) >= ROWS_A_GROUP
    }
    least = min(varied, key=lambda label: varied[label]) if varied else ""
    values = {
        "model": material.candidates[0].name,
        "different": f"{count_different(features):,.0f}",
        "least": f" Least varied is '{least}', as {varied[least]:,.0f}." if len(varied) > 1 else "",
    }
    examples = material.examples([positions[place] for place in twins[np.argsort(-near[twins], kind="stable")][:3]])
    return [
        Found("diversity", len(sizes) - round(_effective(sizes / sizes.sum())), len(sizes), values=values),
        Found("twins", len(twins), len(positions), examples, values),
    ]


def find_bare_regions(material: Material) -> list[Found]:
    """Groups of unlabelled texts among which there are far fewer labelled ones than elsewhere."""
    embedder, bare = material.embedder(), material.data.unlabelled[:MOST_ROWS]
    if embedder is None or len(bare) < FEWEST_ROWS:
        return []
    positions = draw_positions(material.data, material.task, material.answers.seed, MOST_ROWS)
    inputs = [*material.data.rows.take(positions).inputs, *bare]
    groups = _groups(_directions(embedder, inputs))
    labelled = np.arange(len(inputs)) < len(positions)
    share = len(positions) / len(inputs)
    sizes, with_label = np.bincount(groups), np.bincount(groups[labelled], minlength=groups.max() + 1)
    chance = binom.cdf(with_label, sizes, share)
    regions = np.flatnonzero((chance < CHANCE / len(sizes)) & (with_label < share * sizes / 2))
    inside = np.flatnonzero(~labelled & np.isin(groups, regions))
    shown = [as_one_text(inputs[place])[:LONGEST_EXAMPLE] for place in inside[:EXAMPLES]]
    values = {"regions": f"{len(regions)} of {len(sizes)}", "labelled": f"{int(with_label[regions].sum()):,}"}
    return [Found("bare_regions", len(inside), len(bare), shown, values)]


def count_different(features: Array) -> float:
    """How many wholly different texts these amount to: the Vendi score under cosine similarity.

    Shapes: `features` is (rows, features), each row of length 1.

    Source: Friedman & Dieng (2023), https://arxiv.org/abs/2210.02410
    """
    shares = np.linalg.eigvalsh(features.T @ features / max(len(features), 1))
    return _effective(np.clip(shares, 0, None))


def _effective(shares: Array) -> float:
    """How many equal shares have the same entropy."""
    held = shares[shares > 1e-12]
    return float(np.exp(-(held * np.log(held)).sum()))


def _directions(embedder: Embedder, inputs: Sequence[Input]) -> Array:
    """Where each text lies seen from the middle of all; without that, most models put all texts into one direction.

    Source: Ethayarajh (2019), https://aclanthology.org/D19-1006/
    """
    pooling = embedder.source.pooling
    pairs = all(isinstance(given, tuple) and len(given) == 2 for given in inputs)
    read = embed(embedder, inputs, pooling) if pairs else embedder([as_one_text(given) for given in inputs], pooling)
    features = read.astype(np.float64)
    features = features - features.mean(axis=0)
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))


def _nearest(features: Array) -> Array:
    """Similarity of each row to the one that is most like it; (rows,)."""
    found = []
    for start in range(0, len(features), BLOCK):
        block = features[start : start + BLOCK]
        near = block @ features.T
        near[np.arange(len(block)), np.arange(start, start + len(block))] = -1.0
        found.append(near.max(axis=1))
    return np.asarray(np.concatenate(found))


def _groups(features: Array) -> Array:
    """The group of like texts that each row is in; (rows,)."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    many = max(2, min(GROUPS, len(features) // ROWS_A_GROUP))
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.filterwarnings("ignore", message="Number of distinct clusters")  # fewer different texts than groups
        return np.asarray(KMeans(many, n_init=1, max_iter=30, random_state=0).fit_predict(features))
