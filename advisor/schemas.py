"""JSON Schemas of the files that a run reads and writes."""

import json

from advisor.errors import AnswersError
from advisor.records import Answers, Assessment, Audit, Contest, Decision, Measurements
from pipeline.live_results import Evaluation
from pipeline.records import DataSheet, Document, NextSteps, Plan
from pipeline.results import Ablation, Result

DOCUMENTS: dict[str, type[Document]] = {
    "answers": Answers,
    "audit": Audit,
    "measurements": Measurements,
    "data_sheet": DataSheet,
    "decision": Decision,
    "assessment": Assessment,
    "plan": Plan,
    "result": Result,
    "ablation": Ablation,
    "next_steps": NextSteps,
    "evaluation": Evaluation,
    "comparison": Contest,
}


def schema_of(name: str) -> str:
    """The JSON Schema of a document.

    Raises:
        AnswersError: There is no document of that name.
    """
    key = name.removesuffix(".json").removesuffix(".toml")
    if key not in DOCUMENTS:
        raise AnswersError(f"There is no document '{name}'.", f"There are: {', '.join(DOCUMENTS)}.")
    return json.dumps(DOCUMENTS[key].model_json_schema(), indent=1)
