def state_variables(workflow, user=None, request=None):
    return {"plan": "gold" if user and user.first_name == "Goldie" else "none"}
