"""Ship a trained pipeline: python -m spacy_brnn.pretrained PIPELINE NAME CARD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import srsly
from spacy.language import Language
from thinc.api import Config

from ..loading import load_named_pipeline
from . import card, weights


@click.command()
@click.argument("pipeline", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name")
@click.argument("facts", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--component",
    default="brnn_sentiment",
    show_default=True,
    help="The component of PIPELINE to ship, such as brnn_ner.",
)
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    metavar="PARAMETER=DTYPE",
    help="Write a parameter in another precision than float16, such as E=int8; repeatable.",
)
def main(pipeline: Path, name: str, facts: Path, component: str, dtypes: tuple[str, ...]) -> None:
    """Write a component of PIPELINE into this package under NAME.

    FACTS is a JSON file of what is known of it; its labels and scores are read off PIPELINE.
    """
    nlp = load_named_pipeline(pipeline)
    config = _model_config(nlp, component)
    shipped: Any = nlp.get_pipe(component)
    known = {**srsly.read_json(facts), "labels": list(shipped.labels)}
    target = Path(__file__).parent / name
    try:
        target.mkdir()
    except FileExistsError:
        raise click.ClickException(
            f"{name} ships already, and saved pipelines count on it: take a new name, and name it "
            "in weights.DEFAULT"
        ) from None
    try:
        weights.save(shipped.model, target, _parse_dtypes(dtypes))
    except ValueError as error:
        target.rmdir()
        raise click.ClickException(str(error)) from error
    Config({"model": config}).to_disk(target / "config.cfg")
    srsly.write_json(target / card.FILE_NAME, known)
    click.echo(f"wrote {target}", err=True)


def _model_config(nlp: Language, component: str) -> dict:
    """The block of the config that makes the component's model anew, all by itself."""
    if component not in nlp.pipe_names:
        raise click.ClickException(
            f"the pipeline has no {component!r}, only {', '.join(nlp.pipe_names) or 'nothing'}: "
            "name one by --component"
        )
    model = nlp.config.interpolate()["components"][component]["model"]
    if "Pretrained" in model["@architectures"]:
        raise click.ClickException("the pipeline's config must spell its architecture out")
    if "Listener" in Config({"model": model}).to_str():
        raise click.ClickException(
            f"the model of {component!r} listens to another component's tok2vec, and would ship "
            "without it: `nlp.replace_listeners` gives it a tok2vec of its own"
        )
    return model


def _parse_dtypes(dtypes: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in dtypes]
    return {parameter: dtype for parameter, _, dtype in pairs}


if __name__ == "__main__":
    main()
