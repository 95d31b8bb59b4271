from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skweight.datasets import load_doctor_visits
from skweight.metrics import neg_ranked_probability_score_scorer
from skweight.ordinal import PrestoClassifier

visits = load_doctor_visits(as_frame=True)
encode = make_column_transformer(
    (OneHotEncoder(drop="if_binary"), make_column_selector(dtype_include="category")),
    remainder="passthrough",
)
search = GridSearchCV(
    make_pipeline(encode, PrestoClassifier()),
    {"prestoclassifier__alpha": [0.003, 0.01, 0.03, 0.1], "prestoclassifier__base_penalty": [0, 1]},
    scoring=neg_ranked_probability_score_scorer,
)
search.fit(visits.data, visits.target)
print(search.best_params_, search.best_score_)
