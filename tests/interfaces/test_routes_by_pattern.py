"""Paths with parameters are found without the router, each to the route that declares it."""

from typing import Any

from interfaces.api.app import create_app
from interfaces.settings import Settings


def test_every_path_with_parameters_leads_to_its_own_route() -> None:
    app = create_app(Settings.model_validate({}), "")
    patterned = [route for route in app.lean_routes if route.path_names]

    for route in patterned:
        values = {name: f"a {name}" for name in route.path_names}
        for prefix in route.served_under:
            for method in route.methods or ():
                scope: dict[str, Any] = {
                    "method": method,
                    "path": prefix + route.path.format(**values),
                }

                assert app.route_of(scope) is route
                assert scope["path_params"] == values

    assert patterned


def test_what_is_written_out_goes_before_a_pattern_that_it_fits() -> None:
    app = create_app(Settings.model_validate({}), "")
    scope = {"method": "GET", "path": "/v1/agents/tree"}

    found = app.route_of(scope)

    assert found is not None
    assert found.path == "/agents/tree"


def test_a_path_of_more_parts_than_any_pattern_has_no_route() -> None:
    app = create_app(Settings.model_validate({}), "")

    assert app.route_of({"method": "GET", "path": "/v1/agents/a/lineage/b/c/d/e/f"}) is None
