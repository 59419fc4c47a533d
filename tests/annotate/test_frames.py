import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from spacy_brnn.annotate import frames
from spacy_brnn.annotate.frames import annotate_frame, annotate_frames

pd = pytest.importorskip("pandas")

NAMES = ["sentiment_label", "sentiment_score", "sentiment_polarity"]


@pytest.fixture
def frame():
    texts = ["good", None, "bad, dull", "", "\0"]
    return pd.DataFrame({"id": range(5), "text": texts}, index=[3, 1, 4, 1, 5])


def test_a_frame_keeps_rows_and_gets_columns(frame, model):
    before = frame.copy()
    out = annotate_frame(frame, model=str(model), batch_size=2)
    assert list(out.columns) == ["id", "text", *NAMES]
    assert out[["id", "text"]].equals(before)
    assert frame.equals(before)
    labels = ["POSITIVE", None, "NEGATIVE", "POSITIVE", "POSITIVE"]
    assert [None if pd.isna(label) else label for label in out.sentiment_label] == labels
    assert out.sentiment_polarity.tolist()[2] == -0.6
    assert pd.isna(out.sentiment_score.tolist()[1])


def test_a_frame_without_rows_has_the_same_types(frame, model):
    whole = annotate_frame(frame, model=str(model))
    empty = annotate_frame(frame.iloc[:0], model="no such model is loaded")
    assert empty.dtypes.equals(whole.dtypes)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_a_missing_text_has_missing_values(missing, model):
    out = annotate_frame(pd.DataFrame({"text": ["good", missing]}), model=str(model))
    assert out.sentiment_label[0] == "POSITIVE" and pd.isna(out.sentiment_label[1])


@pytest.mark.parametrize("value", [7, b"good", ["good"], 1.5])
def test_a_value_that_is_no_text_is_an_error(value):
    frame = pd.DataFrame({"text": ["good", value]}, index=["a", "b"])
    with pytest.raises(ValueError, match=f"row 'b': column \"text\" holds {type(value).__name__}"):
        annotate_frame(frame, model="no such model is loaded")


def test_what_is_no_frame_is_told():
    twice = pd.DataFrame([["good", "bad"]], columns=["text", "text"])
    with pytest.raises(ValueError, match='two columns are called "text"'):
        annotate_frame(twice)
    with pytest.raises(TypeError, match="takes a pandas DataFrame, not Series"):
        annotate_frame(pd.Series(["good"]))


def test_entities_are_lists(entity_model):
    frame = pd.DataFrame({"body": ["Casablanca", "bad"]})
    out = annotate_frame(frame, model=str(entity_model), text_field="body")
    assert [len(entities) for entities in out.entities] == [1, 0]


def test_entities_and_neutral_are_added_where_asked_for():
    frame = pd.DataFrame({"text": ["Anna loved Boston.", None, "The report has ten pages."]})
    out = annotate_frame(frame, entities=True, neutral=True)
    assert list(out.columns) == ["text", *NAMES, "entities"]
    assert "Boston" in [entity["text"] for entity in out.entities[0]]
    assert out.entities[1] is None and out.entities[2] == []
    assert out.sentiment_label[2] == "NEUTRAL"
    empty = annotate_frame(frame.iloc[:0], entities=True, model="no such model is loaded")
    assert empty.dtypes.equals(out.dtypes)
    assert "entities" not in annotate_frame(frame.iloc[:1]).columns


def test_frames_are_annotated_as_they_come(frame, model):
    frames = iter([frame, frame.iloc[:2]])
    outs = annotate_frames(frames, model=str(model))
    assert len(next(outs)) == 5
    assert next(frames).shape == (2, 2), "a frame was read before it was asked for"
    assert list(outs) == []


def test_threads_take_turns(frame, model, monkeypatch):
    inside, seen = [], []

    class Slow(frames.Annotator):
        def __call__(self, documents):
            inside.append(1)
            time.sleep(0.05)
            seen.append(len(inside))
            inside.pop()
            return super().__call__(documents)

    frames._annotator.cache_clear()
    monkeypatch.setattr(frames, "Annotator", Slow)
    with ThreadPoolExecutor(3) as pool:
        outs = list(pool.map(lambda _: annotate_frame(frame, model=str(model)), range(3)))
    frames._annotator.cache_clear()
    assert seen == [1, 1, 1] and all(out.equals(outs[0]) for out in outs)


def test_what_cannot_be_annotated_is_told(frame, model):
    with pytest.raises(KeyError, match="body"):
        annotate_frame(frame, text_field="body", model=str(model))
    with pytest.raises(ValueError, match="row 0: the pipeline failed"):
        annotate_frame(pd.DataFrame({"text": ["XXRAISE"]}), model=str(model))


@pytest.mark.integration
def test_dask_takes_it_as_it_is(frame, model):
    dask = pytest.importorskip("dask.dataframe")
    reviews = dask.from_pandas(frame.reset_index(drop=True), npartitions=2)
    meta = annotate_frame(reviews._meta)
    out = reviews.map_partitions(annotate_frame, model=str(model), meta=meta)
    expected = annotate_frame(frame.reset_index(drop=True), model=str(model))
    pd.testing.assert_frame_equal(out.compute(scheduler="synchronous"), expected, check_dtype=False)


@pytest.mark.integration
def test_spark_takes_it_as_it_is(environment, model, monkeypatch):
    sql = pytest.importorskip("pyspark.sql")
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    builder = sql.SparkSession.builder.master("local[1]")
    spark = builder.config("spark.ui.enabled", "false").getOrCreate()
    try:
        texts = ["good", "bad, dull", ""]
        reviews = spark.createDataFrame(
            [(i, text) for i, text in enumerate(texts)], "id long, text string"
        )
        schema = (
            "id long, text string, sentiment_label string, sentiment_score double, "
            "sentiment_polarity double"
        )
        annotate = partial(annotate_frames, model=str(model))
        rows = reviews.mapInPandas(annotate, schema=schema).orderBy("id").collect()
    finally:
        spark.stop()
    frame = pd.DataFrame({"id": range(3), "text": texts})
    expected = annotate_frame(frame, model=str(model))
    assert [tuple(row) for row in rows] == list(expected.itertuples(index=False, name=None))
