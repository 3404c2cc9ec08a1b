"""REST addresses of applications."""

urlpatterns: list[object] = []
