"""A tracker that answers as GitHub's REST API does for issues, and remembers."""

from typing import Any
from urllib.parse import parse_qs, urlparse

Json = dict[str, Any]


class Tracker:
    """Issues of one repository, by number; ``calls`` are the changes it was asked for. Labels of some it drops in silence."""

    def __init__(self, repo: str) -> None:
        """Empty."""
        self.path, self.issues, self.calls = f"/repos/{repo}/issues", dict[int, Json](), list[tuple[str, str]]()
        self.drops_labels = False

    def __call__(self, method: str, path: str, said: Any) -> tuple[int, Any]:
        """Status and body."""
        url = urlparse(path)
        if method == "GET" and url.path == self.path:
            wanted = set(parse_qs(url.query)["labels"])
            return 200, [i for i in self.issues.values() if wanted <= {label["name"] for label in i["labels"]}]
        if method == "GET":
            found = self.issues.get(int(url.path.removeprefix(f"{self.path}/")))
            return (200, found) if found else (404, {"message": "Not Found"})
        self.calls.append((method, url.path))
        if method == "POST" and url.path == self.path:
            number = len(self.issues) + 1
            page = f"https://tracker.example{self.path}/{number}"
            self.issues[number] = {"number": number, "html_url": page, "state": "open", "state_reason": None}
            return 201, self._changed(number, said)
        number = int(url.path.removeprefix(f"{self.path}/"))
        if method != "PATCH" or number not in self.issues:
            return 404, {"message": "Not Found"}
        return 200, self._changed(number, said)

    def person(self, number: int, state: str) -> None:
        """Somebody closes it, or opens it again."""
        self.issues[number] |= {"state": state, "state_reason": "completed" if state == "closed" else "reopened"}

    def _changed(self, number: int, said: Json) -> Json:
        found = self.issues[number]
        # Without a change of the state its reason is passed over.
        kept = {k: v for k, v in said.items() if k != "state_reason" or said.get("state") != found["state"]}
        found |= kept
        if "labels" in said:
            found["labels"] = [] if self.drops_labels else [{"name": name} for name in said["labels"]]
        return found
