"""Personal data in the texts."""

from collections import Counter

from advisor.audit.material import Found, Material
from pipeline.data.personal_data import find


def find_personal_data(material: Material) -> list[Found]:
    """Texts with e-mail addresses, phone numbers, payment cards, bank accounts, identity numbers and the like.

    Names of people are among them where a model that finds them was named.
    """
    if material.names is not None:
        material.names.read(material.texts)
    kinds: Counter[str] = Counter()
    rows = []
    for position, text in zip(material.positions, material.texts, strict=True):
        here = {span.kind for span in find(text, material.names)}
        kinds.update(here)
        if here:
            rows.append(position)
    said = ", ".join(f"{kind} in {count:,}" for kind, count in kinds.most_common())
    code, values = "personal_data", {"kinds": said}
    if material.names is not None:
        code, values = "personal_data_and_names", values | {"names": material.names.run}
    return [Found(code, len(rows), len(material.positions), material.examples(rows), values)]
