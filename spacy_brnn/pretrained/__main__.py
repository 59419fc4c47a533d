"""Ship a trained pipeline: python -m spacy_brnn.pretrained PIPELINE NAME CARD."""

from __future__ import annotations

from pathlib import Path

import click
import spacy
import srsly
from thinc.api import Config

from . import card, weights


@click.command()
@click.argument("pipeline", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name")
@click.argument("facts", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(pipeline: Path, name: str, facts: Path) -> None:
    """Write the brnn_sentiment of PIPELINE into this package under NAME.

    FACTS is a JSON file of what is known of it; its labels and scores are read off PIPELINE.
    """
    nlp = spacy.load(pipeline)
    component = nlp.get_pipe("brnn_sentiment")
    target = Path(__file__).parent / name
    model = nlp.config.interpolate()["components"]["brnn_sentiment"]["model"]
    if "Pretrained" in model["@architectures"]:
        raise click.ClickException("the pipeline's config must spell its architecture out")
    try:
        target.mkdir()
    except FileExistsError:
        raise click.ClickException(
            f"{name} ships already, and saved pipelines count on it: take a new name, and name it "
            "in weights.DEFAULT"
        ) from None
    Config({"model": model}).to_disk(target / "config.cfg")
    weights.save(component.model, target)
    known = {**srsly.read_json(facts), "labels": list(component.labels)}
    srsly.write_json(target / card.FILE_NAME, known)
    click.echo(f"wrote {target}", err=True)


if __name__ == "__main__":
    main()
