import threading
import time

import pytest

from guardian.model.errors import Conflict
from guardian.platform.lock import exclusive


def test_one_holds_a_folder_and_the_next_one_after_it(tmp_path):
    with exclusive(tmp_path), pytest.raises(Conflict, match="runs uses"), exclusive(tmp_path):
        pass
    with exclusive(tmp_path):
        pass


def test_who_only_looks_does_not_keep_another_from_starting(tmp_path):
    looked = threading.Event()

    def look():
        with exclusive(tmp_path):
            looked.set()
            time.sleep(0.06)

    looker = threading.Thread(target=look)
    looker.start()
    looked.wait(5)
    with exclusive(tmp_path):
        pass
    looker.join()
