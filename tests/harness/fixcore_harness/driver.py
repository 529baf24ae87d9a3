"""
The part of the python-arango driver that fixcore touches, over dictionaries.

Everything is plain JSON, so that a database can be written to a file and loaded by the next process.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections import deque
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence

from arango import DocumentInsertError, DocumentRevisionError, DocumentUpdateError

Json = Dict[str, Any]
Lock = threading.RLock()  # one lock for the whole database
_counter = itertools.count(1)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value)


def copy_json(value: Any) -> Any:
    return json.loads(json.dumps(value, default=_plain))


class MissingDocument(DocumentUpdateError):
    def __init__(self, key: str) -> None:
        Exception.__init__(self, f"document not found: {key}")
        self.error_code = 1202


class WrongRevision(DocumentRevisionError):
    def __init__(self, key: str) -> None:
        Exception.__init__(self, f"conflict, _rev values do not match: {key}")
        self.error_code = 1200


class DuplicateDocument(DocumentInsertError):
    def __init__(self, key: str) -> None:
        Exception.__init__(self, f"unique constraint violated: {key}")
        self.error_code = 1210


class MemQuery(str):
    """A "query string" that carries the function to answer it: bind variables -> rows."""

    fn: Callable[[Json], Iterable[Any]]

    @staticmethod
    def of(name: str, fn: Callable[[Json], Iterable[Any]]) -> MemQuery:
        query = MemQuery(name)
        query.fn = fn
        return query


class MemCursor:
    def __init__(self, rows: Iterable[Any]) -> None:
        self.rows = deque(rows)
        self.size = len(self.rows)

    def __enter__(self) -> MemCursor:
        return self

    def __exit__(self, *_: Any) -> None:
        self.rows.clear()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self.rows:
            raise StopIteration
        return self.rows.popleft()

    next = __next__

    def pop(self) -> Any:
        return self.rows.popleft()

    def empty(self) -> bool:
        return not self.rows

    def has_more(self) -> bool:
        return False

    def count(self) -> int:
        return self.size

    def statistics(self) -> Json:
        return {}

    def close(self, ignore_missing: bool = False) -> None:
        self.rows.clear()


class MemCollection:
    def __init__(self, name: str) -> None:
        self.name = name
        self.docs: Dict[str, Json] = {}

    def _store(self, key: str, doc: Json) -> Json:
        stored = {**copy_json(doc), "_key": key, "_id": f"{self.name}/{key}", "_rev": f"_h{next(_counter):07x}---"}
        self.docs[key] = stored
        return stored

    @staticmethod
    def _key_of(document: Any) -> str:
        key = document if isinstance(document, str) else document.get("_key") or document["_id"]
        return str(key).rsplit("/", 1)[-1]

    @staticmethod
    def _meta(doc: Json, return_new: bool) -> Json:
        return {k: doc[k] for k in ("_id", "_key", "_rev")} | ({"new": copy_json(doc)} if return_new else {})

    def get(self, document: Any, rev: Optional[str] = None, check_rev: bool = True) -> Optional[Json]:
        with Lock:
            return copy_json(self.docs.get(self._key_of(document)))  # type: ignore

    def insert(
        self,
        document: Json,
        return_new: bool = False,
        sync: Optional[bool] = None,
        silent: bool = False,
        overwrite: bool = False,
        return_old: bool = False,
        overwrite_mode: Optional[str] = None,
        keep_none: Optional[bool] = None,
        merge: Optional[bool] = None,
    ) -> Json:
        with Lock:
            key = document.get("_key") or str(next(_counter))
            if key in self.docs:
                if overwrite_mode == "update":
                    document = {**self.docs[key], **document}
                elif not overwrite and overwrite_mode != "replace":
                    raise DuplicateDocument(key)
            return self._meta(self._store(key, document), return_new)

    def update(
        self,
        document: Json,
        check_rev: bool = True,
        merge: bool = True,
        keep_none: bool = True,
        return_new: bool = False,
        *_: Any,
    ) -> Json:
        def deep(left: Any, right: Any) -> Any:
            if isinstance(left, dict) and isinstance(right, dict):
                return {**left, **{k: deep(left.get(k), v) for k, v in right.items()}}
            return right

        with Lock:
            key = self._key_of(document)
            if (existing := self.docs.get(key)) is None:
                raise MissingDocument(key)
            if check_rev and (rev := document.get("_rev")) and rev != existing["_rev"]:
                raise WrongRevision(key)
            return self._meta(
                self._store(key, deep(existing, document) if merge else {**existing, **document}), return_new
            )

    def insert_many(
        self,
        documents: Sequence[Json],
        return_new: bool = False,
        sync: Any = None,
        silent: bool = False,
        overwrite: bool = False,
        *_: Any,
    ) -> List[Json]:
        return [self.insert(doc, return_new=return_new, overwrite=overwrite) for doc in documents]

    def delete(
        self, document: Any, rev: Any = None, check_rev: bool = True, ignore_missing: bool = False, *_: Any
    ) -> bool:
        with Lock:
            if self.docs.pop(self._key_of(document), None) is None and not ignore_missing:
                raise MissingDocument(self._key_of(document))
            return True

    def delete_many(self, documents: Sequence[Json], *_: Any) -> List[bool]:
        return [self.delete(doc, ignore_missing=True) for doc in documents]

    def all(self, skip: Optional[int] = None, limit: Optional[int] = None) -> MemCursor:
        with Lock:
            stop = None if limit is None else (skip or 0) + limit
            return MemCursor(copy_json(d) for d in list(self.docs.values())[skip or 0 : stop])

    def keys(self) -> MemCursor:
        with Lock:
            return MemCursor(list(self.docs))

    def count(self) -> int:
        return len(self.docs)

    def truncate(self) -> bool:
        with Lock:
            self.docs.clear()
            return True

    def indexes(self) -> List[Json]:
        return []

    def add_index(self, *_: Any, **__: Any) -> None:
        return None


class MemAql:
    def execute(
        self, query: str, count: Any = None, batch_size: Any = None, ttl: Any = None, bind_vars: Any = None, *_: Any
    ) -> MemCursor:
        if not isinstance(query, MemQuery):
            raise AttributeError(f"harness: this AQL query has no in-memory implementation: {query}")
        with Lock:
            return MemCursor([copy_json(row) for row in query.fn(bind_vars or {})])


class MemDatabase:
    """The part of arango.database.StandardDatabase that fixcore uses."""

    def __init__(self) -> None:
        self.by_name: Dict[str, MemCollection] = {}
        self.graph_names: List[str] = []
        self.aql = MemAql()

    def echo(self) -> None:
        return None

    def required_db_version(self) -> str:
        return "31100"

    def has_collection(self, name: str) -> bool:
        return name in self.by_name

    def create_collection(self, name: str, *_: Any, **__: Any) -> MemCollection:
        return self.by_name.setdefault(name, MemCollection(name))

    def collection(self, name: str) -> MemCollection:
        return self.create_collection(name)

    def collections(self) -> List[Json]:
        return [{"name": name} for name in self.by_name]

    def delete_collection(self, name: str, *_: Any, **__: Any) -> bool:
        return self.by_name.pop(name, None) is not None

    def insert_document(self, collection: str, document: Json, *args: Any, **kwargs: Any) -> Json:
        return self.collection(collection).insert(document, *args, **kwargs)

    def has_graph(self, name: str) -> bool:
        return name in self.graph_names

    def graphs(self) -> List[Json]:
        return [{"name": name} for name in self.graph_names]

    def create_graph(self, name: str, *_: Any, **__: Any) -> None:
        if name not in self.graph_names:
            self.graph_names.append(name)

    def delete_graph(self, name: str, **_: Any) -> None:
        self.graph_names.remove(name)

    def delete_view(self, *_: Any, **__: Any) -> None:
        return None

    # transactions are not isolated and can not be rolled back
    def begin_transaction(self, *_: Any, **__: Any) -> MemDatabase:
        return self

    def commit_transaction(self) -> bool:
        return True

    def abort_transaction(self) -> bool:
        return True

    # what a restarted fixcore finds again
    def save(self, path: Path) -> None:
        with Lock:
            content = {
                "counter": next(_counter),
                "graphs": self.graph_names,
                "collections": {name: collection.docs for name, collection in self.by_name.items()},
            }
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(content, default=_plain))
        partial.replace(path)

    def load(self, path: Path) -> None:
        global _counter
        content = json.loads(path.read_text())
        _counter = itertools.count(content["counter"])
        self.graph_names = content["graphs"]
        for name, docs in content["collections"].items():
            self.collection(name).docs = docs
