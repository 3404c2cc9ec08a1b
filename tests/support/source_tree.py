"""Reads the modules of the project and what each imports, without running them."""

import ast
from pathlib import Path

APPS = ("portal", "applications", "voice")  # bottom up


class Tree:
    """The modules below ``root`` by dotted name, parsed, migrations left out."""

    def __init__(self, root: Path, folders: tuple[str, ...] = APPS) -> None:
        self.paths = {
            self._name(path.relative_to(root)): path
            for app in folders
            for path in sorted((root / app).rglob("*.py"))
            if "migrations" not in path.parts
        }
        self.parsed = {name: ast.parse(path.read_text()) for name, path in self.paths.items()}

    @staticmethod
    def _name(path: Path) -> str:
        return ".".join(path.with_suffix("").parts).removesuffix(".__init__")

    def imports(self, module: str) -> set[str]:
        """Every dotted name that ``module`` imports; of our own, the module that is really meant."""
        found: set[str] = set()
        for node in ast.walk(self.parsed[module]):
            if isinstance(node, ast.Import):
                found |= {self._ours(alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = self._base(module, node)
                found |= {self._ours(f"{base}.{alias.name}") for alias in node.names}
        return found - {module}

    def is_package(self, module: str) -> bool:
        return module in self.paths and self.paths[module].name == "__init__.py"

    def door(self, package: str) -> set[str]:
        """What ``__all__`` of a room names."""
        values = [node.value for node in self.parsed[package].body if is_door(node)]
        return {name for value in values for name in ast.literal_eval(value)}

    def _base(self, module: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = module if self.paths[module].name == "__init__.py" else module.rpartition(".")[0]
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        return ".".join([*above, *([node.module] if node.module else [])])

    def _ours(self, name: str) -> str:
        """``portal.models.ApiToken`` → ``portal.models``; what is not ours stays as it is."""
        while name.partition(".")[0] in APPS and name not in self.paths:
            name = name.rpartition(".")[0]
        return name


def is_door(node: ast.stmt) -> bool:
    """Tells whether a statement sets ``__all__``."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)] == ["__all__"]
