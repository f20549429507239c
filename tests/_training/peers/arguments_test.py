"""What a MutualDistiller refuses when it is made."""

import keras
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from tests import support
from tests.peers import communities
from tests.replicas import two_replicas


@keras.saving.register_keras_serializable("tests")
class NeedsGradient(losses.DistillationLoss):
    needs = ("student_input_gradient",)

    def call(self, teacher, student, student_input_gradient):
        return keras.ops.sum(student_input_gradient, axis=-1)


def with_head(activation, name="soft"):
    return support.dense(4, activation=activation, name=name)


def sharing(model):
    hidden = model.get_layer("hidden")
    return keras.Sequential(
        [keras.Input((4,)), hidden, keras.layers.Dense(3)], name="sharing"
    )


class ArgumentsTest(parameterized.TestCase):
    def refuse(self, rule, received, error=ValueError, **arguments):
        arguments = {"peers": communities.peers(2)} | arguments
        arguments.setdefault("distillation_losses", losses.SoftTargets())
        with self.assertRaisesRegex(error, f"{rule}.*Received: {received}"):
            keras_kd.MutualDistiller(**arguments)

    def test_at_least_two_peers(self):
        self.refuse("at least two", r"peers=\[\]", peers=[])
        one = communities.peers(1)
        self.refuse("at least two", "peers=.*Distiller", peers=one)
        self.refuse("at least two", "peers=<Seq", peers=one[0])

    def test_peers_are_built_models(self):
        first = support.dense(4)
        self.refuse(
            r"`peers\[1\]` must be a `keras.Model`",
            r"peers\[1\]=3",
            error=TypeError,
            peers=[first, 3],
        )
        unbuilt = keras.Sequential([keras.layers.Dense(3)], name="raw")
        self.refuse(
            r"`peers\[1\]` must be built",
            r'peers\[1\]="raw", built=False',
            peers=[first, unbuilt],
        )

    def test_peers_are_different(self):
        model = support.dense(4, name="twin")
        self.refuse(
            "share no weights that training changes",
            r'peers\[0\]="twin" and peers\[1\]="twin".*clone_model',
            peers=[model, model],
        )
        self.refuse(
            "share no weights that training changes",
            r'peers\[0\]="twin" and peers\[1\]="sharing" with .*kernel',
            peers=[model, sharing(model)],
        )

    def test_a_frozen_part_may_be_shared(self):
        model = support.dense(4)
        model.get_layer("hidden").trainable = False
        keras_kd.MutualDistiller(
            peers=[model, sharing(model)],
            distillation_losses=losses.SoftTargets(),
        )

    @parameterized.parameters("softmax", "sigmoid")
    def test_peers_give_logits(self, activation):
        self.refuse(
            r"`peers\[1\]` must give logits",
            r'peers\[1\]="soft", which gives prob.*teachers.logits',
            peers=[support.dense(4), with_head(activation)],
        )

    def test_peers_score_the_same_classes(self):
        self.refuse(
            "score the same classes",
            r'logits of shape \(None, 3\) from "a", \(None, 5\) from "b"',
            peers=[support.dense(4, name="a"), support.dense(4, 5, name="b")],
        )

    def test_peers_have_one_output(self):
        self.refuse(
            r"`peers\[1\]` must have one output",
            r'peers\[1\]="two" with the outputs a, b',
            peers=[support.dense(4), support.two_headed(4, "two")],
        )

    def test_peers_take_the_same_input(self):
        self.refuse(
            "take the same input",
            r'"a" with input of shape \(None, 4\), which peers\[1\]="b"',
            peers=[
                support.dense(4, name="a"),
                support.dense(4, name="b", features=6),
            ],
        )

    def test_peers_are_no_teachers(self):
        first, second, third = communities.peers(3)
        ensemble = keras_kd.teachers.EnsembleTeacher([first, second])
        self.refuse(
            "one tensor of logits",
            '"ensemble_teacher" of type EnsembleTeacher',
            peers=[third, ensemble],
        )
        noisy = keras_kd.teachers.NoisyTeacher(first, 0.1)
        self.refuse(
            "without noise of its own",
            ".*NoisyTeacher",
            peers=[third, noisy],
        )

    def test_weights_are_finite(self):
        first, second = communities.peers(2)
        second.get_layer("head").bias.assign([0.0, float("nan"), 0.0])
        self.refuse(
            r"`peers\[1\]` must have finite weights",
            r'peers\[1\]="net_1" with nan',
            peers=[first, second],
        )

    def test_peers_are_made_in_the_scope(self):
        models = communities.peers(2)
        with two_replicas().scope():
            self.refuse(
                r"`peers\[0\]` and MutualDistiller must be made in the scope",
                r'peers\[0\]="net_0"',
                peers=models,
            )

    @parameterized.named_parameters(
        ("exchange", {"exchange": "later"}, "in_turn", "exchange='later'"),
        ("every_0", {"exchange_every": 0}, "at least 1", "exchange_every=0"),
        ("every_float", {"exchange_every": 1.5}, "integer", ".*=1.5"),
        ("every_bool", {"exchange_every": True}, "integer", ".*=True"),
        ("target", {"target": "all"}, "community", "target='all'"),
        ("weight", {"student_loss_weight": -1}, "from 0 to", ".*=-1"),
        ("losses", {"distillation_losses": []}, "at least one", ".*"),
    )
    def test_arguments(self, arguments, rule, received):
        self.refuse(rule, received, **arguments)

    def test_shards_is_a_bool(self):
        self.refuse("True or False", "shards=2", error=TypeError, shards=2)

    def test_a_peer_does_not_teach_itself_features(self):
        self.refuse(
            "unless every loss averages",
            'target="community" with Hint',
            distillation_losses=losses.Hint(),
            target="community",
        )

    def test_taps_exist_in_every_peer(self):
        with self.assertRaisesRegex(
            ValueError, 'or an output of the peer "other"'
        ):
            keras_kd.MutualDistiller(
                peers=[support.dense(4), two_layers()],
                distillation_losses=losses.Hint(
                    teacher_tap="hidden", student_tap="hidden"
                ),
            )

    def test_input_gradients_are_refused(self):
        self.refuse(
            "must need no input gradient",
            "NeedsGradient, which needs the student_input_gradient",
            distillation_losses=NeedsGradient(),
        )


def two_layers():
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="only")], name="other"
    )


if __name__ == "__main__":
    absltest.main()
