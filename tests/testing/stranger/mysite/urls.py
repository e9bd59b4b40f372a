from django.urls import include, path
from django.views.generic import TemplateView

urlpatterns = [
    path("help/", TemplateView.as_view(template_name="help.html")),
    path("chatkit/", include("django_chatkit.urls")),
]
