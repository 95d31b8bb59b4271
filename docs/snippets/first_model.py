from skweight.datasets import load_nass_cds
from skweight.ordinal import PrestoClassifierCV

crashes = load_nass_cds()
X, y = crashes.data, crashes.target

model = PrestoClassifierCV(cv=5, selection="1se").fit(X, y)

risk_of_death = model.predict_proba(X)[:, -1]
for name, slopes, varies in zip(crashes.feature_names, model.coef_.T, model.varying_):
    print(f"{name:16}", slopes.round(2), "varies" if varies else "")
