"""What there is one of on a server: made when it is first asked for, and kept until the server ends.

Not `st.cache_resource`: Streamlit empties that for all when one client asks for it (`serving.Guard` lets no such
message through), and a queue that is made a second time would leave the worker of the first one alive, with its model
in memory. It knows nothing of Streamlit.
"""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def once(make: Callable[P, T]) -> Callable[P, T]:
    """`make`, called once for each of its arguments, however many threads ask; what it gave is given again."""
    made: dict[tuple[Any, ...], T] = {}
    lock = threading.RLock()

    @wraps(make)
    def get(*arguments: P.args, **options: P.kwargs) -> T:
        key = (arguments, tuple(sorted(options.items())))
        with lock:
            if key not in made:
                made[key] = make(*arguments, **options)
            return made[key]

    return get
