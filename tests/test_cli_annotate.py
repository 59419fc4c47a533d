import os
import subprocess
import sys

from click.testing import CliRunner

from spacy_brnn.cli import main


def test_help_names_every_option_and_format():
    output = CliRunner().invoke(main, ["annotate", "--help"]).output
    for word in ("--model", "--batch-size", "--n-process", "--gpu-id", "--text-field", "--errors"):
        assert word in output
    assert "sentiment_polarity" in output


def test_help_loads_neither_spacy_nor_torch():
    code = (
        "import sys; from spacy_brnn.cli import main\n"
        "try: main(['annotate', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('spacy' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


def test_an_input_must_be_named():
    result = CliRunner().invoke(main, ["annotate"])
    assert result.exit_code == 2
    assert "Missing argument 'INPUT...'" in result.stderr


def test_completion_comes_from_click():
    environment = {**os.environ, "_SPACY_BRNN_COMPLETE": "bash_source"}
    code = "from spacy_brnn.cli import main; main(prog_name='spacy-brnn')"
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert b"complete -o nosort" in result.stdout
