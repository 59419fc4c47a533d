import threading

from tqdm import TMonitor, tqdm

from spacy_brnn.annotate.progress import Progress


def test_neither_the_lock_nor_the_thread_of_tqdm_takes_part():
    """A run that is killed in a fork may leave the lock that tqdm shares between forks taken."""
    before = monitors()
    shown = threading.Event()

    def show():
        with Progress(100):
            shown.set()

    with tqdm.get_lock():
        threading.Thread(target=show, daemon=True).start()
        assert shown.wait(timeout=30)
    assert monitors() == before


def monitors():
    return {thread for thread in threading.enumerate() if isinstance(thread, TMonitor)}
