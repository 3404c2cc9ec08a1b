"""REST addresses of calls."""

urlpatterns: list[object] = []
