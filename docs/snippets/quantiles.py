from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split

from skweight.datasets import load_ames
from skweight.metrics import interval_coverage
from skweight.quantile import ConformalQuantileRegressor, QuantileStackingRegressor

houses = load_ames(as_frame=True)
X = houses.data.select_dtypes("number")
X, X_test, y, y_test = train_test_split(X, houses.target, random_state=0)

models = [
    ("ridge", RidgeCV()),
    ("forest", RandomForestRegressor(30, min_samples_leaf=5, random_state=0)),
]
stack = QuantileStackingRegressor(models, quantiles=[0.05, 0.25, 0.5, 0.75, 0.95])
model = ConformalQuantileRegressor(stack, random_state=0).fit(X, y)

low, high = model.predict_interval(X_test[:1], coverage=0.9)[0]
print(f"nine in ten such houses sell for {low:,.0f} to {high:,.0f} dollars")

share = interval_coverage(y_test, model.predict_interval(X_test, coverage=0.9))
print(f"of the other houses, {share:.1%} are in their interval")
print(model.estimator_.weights_.round(2))  # one row a level, one column a model
