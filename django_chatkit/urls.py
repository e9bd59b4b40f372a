"""Mount with ``path("chatkit/", include("django_chatkit.urls"))``."""

app_name = "django_chatkit"
urlpatterns: list = []
