"""The page that the HTML of an estimator links to."""


class Documented:
    """Links to scikit-learn's page of the class that this package's has the name and the parameters of."""

    _doc_link_module = "jfnn"  # a user's subclass has no page

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        """Names for scikit-learn's template, which has the address of its version."""
        theirs = next(kind for kind in type(self).__mro__ if kind.__module__.startswith("sklearn."))
        module, _, _ = theirs.__module__.partition("._")
        return {"estimator_module": module, "estimator_name": theirs.__name__}
