"""Sample records for tests of reports: a go with its result, one on scores, a not-yet on personal data, a no-go, a hostile go."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from advisor.records import (
    Alternative,
    Answers,
    Audit,
    ColumnProfile,
    CurvePoint,
    DatasetMeasurement,
    Decision,
    FactorScore,
    Flip,
    HardwareMeasurement,
    LabelMending,
    LearningCurve,
    LengthProfile,
    Measurements,
    ModelMeasurement,
    PilotMeasurement,
    Prospects,
    RankedModel,
    Reason,
    Recommendation,
    RivalMeasurement,
)
from advisor.report.contents import Report
from pipeline.evaluation.intervals import f1_interval, wilson
from pipeline.evaluation.metrics import MACRO_F1
from pipeline.live_results import AnswerShare, AnswerShift, Drift, Evaluation, LiveScore, Marks, TextDrift
from pipeline.records import (
    EpochLog,
    Finding,
    Forecast,
    Interval,
    MetricFacts,
    NextStep,
    NextSteps,
    Outcome,
    ReloadCheck,
    Score,
)
from pipeline.results import ClassErrors, Comparison, Difference, ErrorAnalysis, ErrorCase, ErrorTable, Result
from tests.advisor.examinations import examined, score_lines

CLASSES = ["account", "cancel order", "complaint", "delivery", "invoice", "refund"]
CONFUSION = [
    [58, 1, 2, 0, 3, 0],
    [0, 61, 1, 2, 0, 5],
    [2, 1, 49, 6, 1, 4],
    [0, 1, 4, 82, 0, 1],
    [2, 0, 0, 0, 66, 3],
    [0, 6, 3, 1, 4, 51],
]
MODEL = "all-MiniLM-L6-v2"
TINY = "bert-tiny"
WORST = [
    ("r-0311", "I want my money back and I want the order stopped today.", "cancel order", "refund", 0.97),
    ("r-1204", "Parcel came open, half of it missing, and nobody answers the phone.", "complaint", "delivery", 0.95),
    (
        "r-0087",
        "The amount on the invoice is not what I paid. Please correct it or pay it back.",
        "refund",
        "invoice",
        0.91,
    ),
]
FORECAST = Forecast(
    score=Interval(point=0.894, low=0.871, high=0.917, level=0.8),
    probability_of_useful_gain=0.72,
    train_cpu_seconds=1310.0,
    train_wall_seconds=702.0,
    peak_memory_bytes=1_240_000_000,
)


@dataclass(frozen=True)
class Sample:
    """Everything that one report is made from."""

    answers: Answers
    measurements: Measurements
    decision: Decision
    result: Result | None
    next_steps: NextSteps
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)

    @property
    def report(self) -> Report:
        """The same as the page takes it."""
        return Report(
            self.answers,
            self.measurements,
            self.decision,
            self.result,
            self.next_steps,
            evaluations=self.evaluations,
        )


def by_class(confusion: list[list[int]], classes: list[str]) -> list[ClassErrors]:
    """Scores by class that fit the confusion."""
    found = []
    for place, label in enumerate(classes):
        hits, truths = confusion[place][place], sum(confusion[place])
        given = sum(row[place] for row in confusion)
        f1 = 2 * hits / (truths + given)
        found.append(
            ClassErrors(
                label=label,
                rows=truths,
                precision=hits / given,
                recall=hits / truths,
                f1=f1,
                precision_reach=wilson(hits, given),
                recall_reach=wilson(hits, truths),
                f1_reach=f1_interval(hits, truths, given),
            )
        )
    return found


def score(
    name: str, value: float, low: float, high: float, seconds: float | None = None, note: str | None = None
) -> Score:
    return Score(name=name, metric="macro_f1", score=value, low=low, high=high, seconds=seconds, note=note)


def dataset(rows: int = 2_143, classes: list[str] = CLASSES) -> DatasetMeasurement:
    usable = rows - 43
    test = usable // 5
    per_class = {label: (usable - test) * (8 + place % 5) // (10 * len(classes)) for place, label in enumerate(classes)}
    return DatasetMeasurement(
        rows=rows,
        usable_rows=usable,
        train_rows=usable - 2 * test,
        validation_rows=test,
        test_rows=test,
        reserve_rows=0,
        rows_per_class=per_class,
        smallest_class_rows=min(per_class.values()),
        median_class_rows=float(sorted(per_class.values())[len(classes) // 2]),
        imbalance=max(per_class.values()) / min(per_class.values()),
        exact_duplicate_fraction=0.014,
        near_duplicate_fraction=0.031,
        conflicting_rows=6,
        leaked_rows=0,
        empty_rows=7,
        median_words=23.0,
        longest_words=412,
        distinct_word_fraction=0.112,
        script="Latin",
        language="en",
        language_source="guess",
        seconds=4.1,
    )


FINDINGS = [
    Finding(
        code="suspected_label_noise",
        count=38,
        of=2_100,
        title="Labels that may be wrong",
        because="38 of 2,100 rows (1.8 %) are labelled against the confident answer of a linear model.",
        effect="They are learned from as they are.",
        mend="Read them before training again.",
        severity="warning",
        examples=["letters.csv row 311: You charged me twice (delivery; the model says invoice)"],
    ),
    Finding(
        code="conflicting_labels",
        count=6,
        of=2_143,
        title="One text, several answers",
        because="6 of 2,143 rows (0.3 %) hold a text that also stands with another answer.",
        effect="Such rows are not counted as usable.",
        mend="advisor prepare letters.csv --mend conflicts --out FILE",
        examples=["letters.csv row 17: Where is my parcel? (delivery / complaint)"],
    ),
]


def audit(findings: list[Finding] | None = None, classes: list[str] = CLASSES) -> Audit:
    found = FINDINGS if findings is None else findings
    return Audit(
        task="text-classification",
        files={"train": "letters.csv"},
        columns={"text": "text", "label": "label"},
        rows=2_143,
        looked_at_rows=1_723,
        sides={"train": 1_260, "test": 420, "validation": 463},
        classes={label: 150 + 20 * place for place, label in enumerate(classes)},
        profiles=[
            ColumnProfile(
                name="text", role="text", holds="text", filled_fraction=0.997, different=1_980, typical_characters=118
            )
        ],
        lengths=LengthProfile(
            unit="tokens",
            counted_by=MODEL,
            edges=list(range(0, 601, 60)),
            rows=[410, 640, 380, 160, 70, 31, 15, 9, 5, 3],
            limits={256: [MODEL], 512: [TINY]},
        ),
        findings=found,
        left_out=[],
        invalidates=any(finding.severity == "invalidates" for finding in found),
        seconds=2.4,
    )


def hardware() -> HardwareMeasurement:
    return HardwareMeasurement(
        processor="AMD EPYC 7763 64-Core Processor",
        physical_cores=2,
        threads=2,
        load_average=0.4,
        memory_total_bytes=8_340_000_000,
        memory_free_bytes=6_120_000_000,
        disk_free_bytes=41_300_000_000,
        accelerator=None,
        accelerator_memory_bytes=None,
        matmul_flops_per_second=9.6e10,
        seconds=0.8,
    )


def model(name: str = MODEL, probe: float = 0.841) -> ModelMeasurement:
    return ModelMeasurement(
        model=name,
        pooling="mean",
        pooling_scores={"mean": probe, "cls": probe - 0.021},
        probe=probe,
        log_evidence=-0.284,
        truncated_row_fraction=0.012,
        unknown_token_fraction=0.0004,
        cased_text_fraction=0.041,
        latency_ms=8.4,
        weight_bytes=90_868_376,
        parameters=22_713_216,
        seconds=21.6,
    )


RIVALS = [
    score("majority", 0.052, 0.046, 0.058, 0.1),
    score(
        "zero_shot", 0.618, 0.594, 0.643, 2.2, "6 phrasings, 0.551 to 0.618; the best on the training rows is shown."
    ),
    score("tfidf", 0.809, 0.788, 0.830, 3.9),
    score("probe", 0.841, 0.821, 0.860, 6.4),
]


def rivals() -> RivalMeasurement:
    return RivalMeasurement(
        rivals=RIVALS,
        best="probe",
        zero_shot_spread={"{phrase}": 0.551, "This is about {phrase}.": 0.618},
        permutation_p=0.02,
        difference_standard_error=0.0088,
        rows_used=1_680,
        folds=5,
        seconds=31.8,
    )


def curve() -> LearningCurve:
    points = (
        (168, 0.741, 0.716, 0.765),
        (336, 0.789, 0.766, 0.811),
        (672, 0.818, 0.796, 0.838),
        (1344, 0.841, 0.821, 0.86),
    )
    return LearningCurve(
        points=[CurvePoint(rows=rows, score=Interval(point=at, low=low, high=high)) for rows, at, low, high in points],
        last_doubling=Interval(point=0.023, low=0.009, high=0.037, standard_error=0.007),
        class_gains={label: 0.01 + 0.005 * place for place, label in enumerate(CLASSES)},
    )


def prospects() -> Prospects:
    mending = LabelMending(rows=38, gain=Interval(point=0.006, low=-0.003, high=0.015))
    return Prospects(curve=curve(), mending=mending, seconds=14.2)


def pilot() -> PilotMeasurement:
    return PilotMeasurement(
        train_rows=600,
        scored_rows=300,
        gain=0.031,
        gain_standard_error=0.013,
        probe_score=0.802,
        fine_tuned_score=0.833,
        start_seconds=3.9,
        start_cpu_seconds=5.2,
        seconds_per_token=0.00021,
        processor_share=1.9,
        evaluation_seconds_per_token=0.00007,
        evaluation_cpu_seconds_per_token=0.00013,
        seconds_per_step=0.02,
        peak_memory_bytes=1_190_000_000,
        batch_size=32,
        steps=57,
        planned_steps=57,
        seconds=48.3,
    )


def factors() -> list[FactorScore]:
    return [
        FactorScore(
            key="task_similarity",
            points=3,
            because="The model's frozen features already separate most classes.",
            evidence=["linear probe 0.841, majority guess 0.052", "log evidence per row -0.284"],
        ),
        FactorScore(
            key="data_availability",
            points=2.5,
            because="1,680 usable training rows are a good basis, though not many to prove a small gain.",
            evidence=["smallest class: 224 rows", "3.1 % near-duplicates, 6 conflicting rows"],
        ),
        FactorScore(
            key="compute",
            points=4,
            because="The run takes 20 % of the time and 21 % of the memory that it may.",
            evidence=["11 min 42 s of 60 min", "1.2 GB of 6.1 GB"],
        ),
        FactorScore(
            key="baseline_performance",
            points=3,
            because="The best cheap way is 10.9 points short of what is good enough.",
            evidence=["linear probe 0.841, good enough 0.950"],
        ),
        FactorScore(key="expertise", points=1, because="Not asked; counted as little experience.", evidence=[]),
    ]


def factors_but(*others: FactorScore) -> list[FactorScore]:
    changed = {factor.key: factor for factor in others}
    return [changed.get(factor.key, factor) for factor in factors()]


def recommendation() -> Recommendation:
    return Recommendation(
        model=MODEL,
        because="Its features separate these classes best of the models at hand, and it answers in 8 ms.",
        runner_up=TINY,
        ranking=[
            RankedModel(
                model=MODEL,
                measured=True,
                score=0.91,
                because="Probe 0.841, 8.4 ms for one text, 91 MB.",
                parameters=22_700_000,
            ),
            RankedModel(
                model=TINY,
                measured=True,
                score=0.64,
                because="Probe 0.702, 0.9 ms for one text, 18 MB.",
                parameters=4_400_000,
            ),
            RankedModel(
                model="deberta-v3-base",
                measured=False,
                score=0.58,
                because="Strong on benchmarks, but eight times as large; `advisor models --get deberta-v3-base`.",
            ),
        ],
    )


def measurements(**changes: object) -> Measurements:
    whole = Measurements(
        dataset=dataset(),
        audit=audit(),
        hardware=hardware(),
        models=[model(), model(TINY, 0.702)],
        rivals=rivals(),
        prospects=prospects(),
        pilot=pilot(),
        seconds=128.9,
        cpu_seconds=231.4,
    )
    return whole.model_copy(update=changes)


def result() -> Result:
    return Result(
        verdict="improved",
        because="The gain is +4.9 points (95 % interval +1.6 to +8.0): above zero for sure, and at least "
        "the 3.0 points that you wanted.",
        test_rows=sum(map(sum, CONFUSION)),
        rivals=[
            score("majority", 0.058, 0.048, 0.067),
            score("zero_shot", 0.604, 0.556, 0.650),
            score("tfidf", 0.792, 0.751, 0.831),
            score("probe", 0.823, 0.783, 0.859),
        ],
        fine_tuned=score("fine_tuned", 0.872, 0.838, 0.903, 688.0),
        chosen_rival="probe",
        difference=Difference(point=0.049, low=0.016, high=0.080, p=0.0041),
        comparisons=[
            Comparison(
                rival=name,
                difference=Difference(point=point, low=low, high=high, p=p, standard_error=0.016),
                p_holm=2 * p,
            )
            for name, point, low, high, p in (
                ("tfidf", 0.08, 0.04, 0.12, 0.0004),
                ("probe", 0.049, 0.016, 0.08, 0.0041),
            )
        ],
        scores=score_lines(),
        forecast=FORECAST,
        outcome=Outcome(
            score=Interval(point=0.872, low=0.838, high=0.903),
            probability_of_useful_gain=1,
            train_cpu_seconds=1284.0,
            train_wall_seconds=745.0,
            peak_memory_bytes=1_310_000_000,
        ),
        errors=ErrorAnalysis(
            confusion=CONFUSION,
            by_class=by_class(CONFUSION, CLASSES),
            worst=[
                ErrorCase(row_id=row, text=text, truth=truth, answer=answer, confidence=confidence)
                for row, text, truth, answer, confidence in WORST
            ],
            mended=33,
            broken=12,
            **examined(),
        ),
        reload=ReloadCheck(rows=420, labels_identical=True, largest_logit_difference=2.1e-6),
        epochs=[
            EpochLog(epoch=1, loss=0.812, validation_score=0.846),
            EpochLog(epoch=2, loss=0.421, validation_score=0.869),
            EpochLog(epoch=3, loss=0.263, validation_score=0.881),
            EpochLog(epoch=4, loss=0.174, validation_score=0.878),
            EpochLog(epoch=5, loss=0.121, validation_score=0.879),
        ],
        best_epoch=3,
        classes=CLASSES,
        metric_facts=MACRO_F1.facts,
        environment={
            "python": "3.11.9",
            "torch": "2.9.0",
            "transformers": "5.0.0",
            "processor": "AMD EPYC 7763",
            "threads": "2",
        },
    )


STEPS = NextSteps.of(
    NextStep(
        title="Use the model",
        because="It is in model/ and reads as any model of transformers",
        command="advisor predict runs/support-mail new.csv",
    ),
    NextStep(title="Read the worst rows", because="Three of them look as if the label were wrong"),
)


def go() -> Sample:
    """A go that trained and improved."""
    answers = Answers.model_validate(
        {
            "name": "support-mail",
            "data": {"train": "support.csv", "text": "body", "label": "topic"},
            "goal": {"useful_gain": 0.03, "good_enough": 0.95},
            "budget": {"train_minutes": 60.0, "price_per_hour": 0.4},
            "provenance": {"origin": "own", "personal_data": "no"},
        }
    )
    decision = Decision(
        verdict="go",
        guided=True,
        reasons=[
            Reason(
                code="useful_gain_likely", because="A gain of at least 3.0 points over the linear probe is 72 % likely."
            ),
            Reason(
                code="affordable", because="The run is expected to take 11 min 42 s of the 60 min that it may take."
            ),
        ],
        factors=factors(),
        recommendation=recommendation(),
        rivals=RIVALS,
        forecast=FORECAST,
        smallest_provable_gain=0.047,
        alternative=Alternative(name="probe", score=0.841),
        flips=[
            Flip(
                factor="baseline_performance",
                because="Were 0.84 good enough for you, the linear probe would do and the verdict would be no-go.",
            ),
            Flip(factor="compute", because="With less than 12 minutes the verdict would be not yet."),
        ],
        metric="macro_f1",
        metric_facts=MACRO_F1.facts,
        good_enough=0.95,
        useful_gain=0.03,
    )
    return Sample(answers, measurements(), decision, result(), STEPS)


def not_yet() -> Sample:
    """Too few rows, on personal data; the forecast says so too."""
    answers = Answers.model_validate(
        {"data": {"train": "patients.csv"}, "provenance": {"personal_data": "yes", "consent": "yes"}}
    )
    few = dataset(rows=260)
    forecast = FORECAST.model_copy(update={"probability_of_useful_gain": 0.31, "train_wall_seconds": 74.0})
    decision = go().decision.model_copy(
        update={
            "verdict": "not_yet",
            "guided": False,
            "reasons": [
                Reason(
                    code="too_few_rows",
                    because="The class 'refund' has 23 rows; below 50 a gain cannot be told from chance.",
                )
            ],
            "factors": factors_but(
                FactorScore(
                    key="data_availability",
                    points=1,
                    because="The typical class has 31 rows, which is few.",
                    evidence=["smallest class: 23 rows"],
                )
            ),
            "forecast": forecast,
            "smallest_provable_gain": 0.152,
            "flips": [Flip(factor="data_availability", because="Label 27 more rows of class 'refund'.")],
        }
    )
    steps = NextSteps.of(
        NextStep(title="Label 27 more rows of class 'refund'", because="That is what stands in the way", command=None)
    )
    return Sample(answers, measurements(dataset=few, prospects=None), decision, None, steps)


def no_go() -> Sample:
    """The probe is good enough, so nothing was forecast."""
    answers = Answers.model_validate(
        {
            "data": {"train": "support.csv"},
            "goal": {"good_enough": 0.8},
            "expertise": {"evaluation": "solid", "training": "solid"},
        }
    )
    decision = go().decision.model_copy(
        update={
            "verdict": "no_go",
            "guided": False,
            "reasons": [
                Reason(
                    code="good_enough_already",
                    because="The linear probe already reaches 0.841, and 0.800 is good enough for you.",
                )
            ],
            "factors": factors_but(
                FactorScore(key="compute", points=4, because="The memory that you allow was not needed.", evidence=[]),
                FactorScore(
                    key="baseline_performance",
                    points=0,
                    because="The best cheap way is good enough.",
                    evidence=["linear probe 0.841 (0.821 to 0.860), good enough 0.800"],
                ),
            ),
            "forecast": None,
            "smallest_provable_gain": None,
            "good_enough": 0.8,
            "flips": [
                Flip(factor="baseline_performance", because="A wish for more than 0.841 would reopen the question.")
            ],
        }
    )
    steps = NextSteps.of(
        NextStep(
            title="Use the linear probe",
            because="It is saved in alternative/",
            command="advisor predict runs/support new.csv",
        )
    )
    return Sample(answers, measurements(pilot=None), decision, None, steps)


ROOT_MEAN_SQUARED_ERROR = MetricFacts(
    name="rmse", title="RMSE", higher_is_better=False, lowest=0.0, highest=None, unit="score"
)


def error(name: str, value: float, low: float, high: float, spearman: float, seconds: float | None = None) -> Score:
    beside = {"spearman": spearman}
    return Score(name=name, metric="rmse", score=value, low=low, high=high, seconds=seconds, beside=beside)


def ratings() -> Sample:
    """A go on scores in a unit of the data, of which less error is better, that could not be proven."""
    answers = Answers.model_validate(
        {
            "task": "text-regression",
            "data": {"train": "ratings.csv", "text": "review", "score": "rating"},
            "task_options": {"lowest": "0", "highest": "100"},
        }
    )
    base = go()
    cheap = [
        error("mean", 24.81, 23.9, 25.7, 0.0, 0.1),
        error("tfidf", 15.932, 15.1, 16.8, 0.661, 3.1),
        error("probe", 13.077, 12.2, 13.9, 0.754, 4.2),
    ]
    expected = FORECAST.model_copy(
        update={
            "score": Interval(point=11.04, low=9.87, high=12.21, level=0.8),
            "probability_of_useful_gain": 0.83,
        }
    )
    decision = base.decision.model_copy(
        update={
            "reasons": [
                Reason(code="go_probability", because="The chance of a useful gain is 83 %, where 40 % is asked.")
            ],
            "factors": factors_but(
                FactorScore(
                    key="baseline_performance",
                    points=4,
                    because="The best cheap way is short of what is good enough by 18 times the gain that you call useful.",
                    evidence=["linear probe: 13.077 (12.200 to 13.900)."],
                )
            ),
            "rivals": cheap,
            "forecast": expected,
            "smallest_provable_gain": 1.2345,
            "flips": [Flip(factor="baseline_performance", because="A larger useful_gain would.")],
            "metric": "rmse",
            "metric_facts": ROOT_MEAN_SQUARED_ERROR,
            "good_enough": 0.0,
            "useful_gain": 0.74431,
            "alternative": Alternative(name="probe", score=13.077),
        }
    )
    outcome = result().outcome.model_copy(update={"score": Interval(point=12.4, low=11.2, high=13.7)})
    changed = result().model_copy(
        update={
            "verdict": "insufficient_evidence",
            "because": "The gain is +0.69 in RMSE (95 % interval -0.1 to +1.48): these rows cannot "
            "tell whether it reaches 0.744 in RMSE.",
            "test_rows": 428,
            "rivals": [
                error("mean", 25.1, 23.1, 27.0, 0.0),
                error("tfidf", 16.2, 14.9, 17.6, 0.648),
                error("probe", 13.09, 11.9, 14.3, 0.749),
            ],
            "fine_tuned": error("fine_tuned", 12.4, 11.2, 13.7, 0.788, 688.0),
            "difference": Difference(point=0.69, low=-0.1, high=1.48, p=None),
            "comparisons": [],
            "scores": [],
            "forecast": expected,
            "outcome": outcome,
            "errors": ErrorAnalysis(
                tables=[
                    ErrorTable(
                        title="Errors by true score",
                        note="Answers that lie above low scores and below high ones keep too near to the middle.",
                        columns=["true score", "rows", "answers lie above it by", "RMSE"],
                        rows=[["0 to 20", "84", "+8.42", "14.1"], ["80 to 100", "97", "-6.03", "12.9"]],
                    )
                ],
                worst=[
                    ErrorCase(
                        row_id="r-0007", text="Not bad at all, I mean it.", truth="91", answer="22.4", confidence=None
                    )
                ],
                mended=201,
                broken=149,
            ),
            "epochs": [
                EpochLog(epoch=1, loss=0.412, validation_score=14.2),
                EpochLog(epoch=2, loss=0.201, validation_score=11.9),
            ],
            "best_epoch": 2,
            "classes": [],
            "metric_facts": ROOT_MEAN_SQUARED_ERROR,
        }
    )
    counted = dataset().model_copy(
        update={"rows_per_class": {}, "smallest_class_rows": None, "median_class_rows": None, "imbalance": None}
    )
    points = ((168, 14.9), (336, 14.2), (672, 13.6), (1344, 13.2))
    learned = LearningCurve(
        points=[CurvePoint(rows=rows, score=Interval(point=at, low=at - 0.5, high=at + 0.5)) for rows, at in points],
        last_doubling=Interval(point=0.4, low=0.1, high=0.7, standard_error=0.15),
    )
    measured = measurements(
        dataset=counted,
        rivals=rivals().model_copy(update={"rivals": cheap, "zero_shot_spread": {}}),
        prospects=Prospects(curve=learned, mending=None, seconds=9.4),
    )
    return Sample(answers, measured, decision, changed, STEPS)


HOSTILE = ["<script>alert(1)</script>", "\x1b[31mred\x1b[0m", "\u202eevil", "[bold]x[/bold]", "'\"&<b>", "a\nb"]


def hostile() -> Sample:
    """The go with everything that comes from data trying to be more than text."""
    sample = go()
    bad = " ".join(HOSTILE)
    answers = Answers.model_validate(
        {"name": bad, "data": {"train": f"{bad}.csv"}, "provenance": {"licence": bad}, "models": {"candidates": [bad]}}
    )
    assert sample.result is not None
    errors = sample.result.errors.model_copy(
        update={
            "by_class": by_class(CONFUSION, HOSTILE),
            "worst": [ErrorCase(row_id=bad, text=bad, truth=HOSTILE[0], answer=HOSTILE[1], confidence=0.9)],
            "tables": [ErrorTable(title=bad, note=bad, columns=HOSTILE, rows=[HOSTILE])],
            **examined(bad, bad),
        }
    )
    changed = sample.result.model_copy(
        update={"errors": errors, "classes": HOSTILE, "because": bad, "environment": {bad: bad}}
    )
    finding = Finding(
        code="odd", count=1, of=3, because=bad, title=bad, effect=bad, mend=bad, severity="warning", examples=[bad]
    )
    measured = measurements(dataset=dataset(classes=HOSTILE), audit=audit([finding]), models=[model(bad)])
    ranked = RankedModel(model=bad, measured=False, score=0.5, because=bad)
    decision = sample.decision.model_copy(
        update={
            "reasons": [Reason(code="odd", because=bad)],
            "factors": [FactorScore(key="compute", points=1, because=bad, evidence=[bad])],
            "recommendation": Recommendation(model=bad, because=bad, runner_up=bad, ranking=[ranked]),
            "rivals": [score(bad, 0.5, 0.4, 0.6, note=bad), score("probe", 0.6, 0.5, 0.7)],
            "flips": [Flip(factor=bad, because=bad)],
        }
    )
    steps = NextSteps.of(NextStep(title=bad, because=bad, command=bad))
    later = {"evaluations/one": evaluation(bad).model_copy(update={"because": [bad]})}
    return Sample(answers, measured, decision, changed, steps, later)


def evaluation(name: str = "june.csv", way: str = "fine_tuned", *, labelled: bool = True) -> Evaluation:
    """What was found on rows that came later; of fine-tuned answers a fall below the forecast."""
    now = score(way, 0.812, 0.776, 0.844)
    live = LiveScore(
        facts=MACRO_F1.facts,
        rows=500,
        now=now,
        before=score("fine_tuned", 0.884, 0.85, 0.91),
        before_on="428 sealed rows",
        change=Difference(point=-0.072, low=-0.119, high=-0.026, p=None),
        scores=[],
        errors=ErrorAnalysis(worst=[], mended=0, broken=0),
    )
    moved = AnswerShift(moved=0.11, p=0.001, shares=[AnswerShare(answer="refund", before=0.2, now=0.31)])
    texts = TextDrift(
        known_rows=500, new_rows=500, area=Interval(point=0.71, low=0.67, high=0.75), p=0.001, permutations=999
    )
    return Evaluation(
        time="2026-06-30T09:00:00+00:00",
        data=name,
        way=way,
        verdict="worse" if labelled else "drifted",
        because=["It does worse: macro F1 is 0.812."] if labelled else ["The texts differ from the training texts."],
        rows=500,
        labelled_rows=500 if labelled else 0,
        score=live if labelled else None,
        drift=Drift(rows=500, texts=texts, answers=moved),
        marks=None if labelled else Marks(marked=40, right=wilson(31, 40), without_truth=3),
        seconds=3.0,
    )


def watched(name: str = "june.csv") -> Sample:
    """The go, with rows that were evaluated after it."""
    found = {
        "evaluations/20260630-090000": evaluation(name),
        "evaluations/20260731-090000": evaluation("july.csv", labelled=False).model_copy(
            update={"time": "2026-07-31T09:00:00+00:00"}
        ),
    }
    return replace(go(), evaluations=found)
