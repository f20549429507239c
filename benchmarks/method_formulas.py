"""The losses as plain functions, as somebody would write them down.

Each takes a loss, whose projections and other weights it uses, the tensors of
the teacher and of the student, and class numbers. It returns one value per
example, or their mean. There is no care for large numbers, masks or weights.
"""

from keras import ops

LARGE = 1000.0


def soft(logits, temperature=1.0):
    return ops.softmax(logits / temperature, axis=-1)


def divergence(p, q):
    return ops.sum(p * (ops.log(p) - ops.log(q)), axis=-1)


def unit(vectors, axis=-1):
    return vectors / ops.norm(vectors, axis=axis, keepdims=True)


def huber(x):
    size = ops.abs(x)
    return ops.where(size < 1, 0.5 * x**2, size - 0.5)


def flat(maps):
    return ops.reshape(maps, (-1, maps.shape[1] * maps.shape[2], maps.shape[3]))


def soft_targets(loss, teacher, student, labels):
    return 16 * divergence(soft(teacher, 4.0), soft(student, 4.0))


def standardized_soft_targets(loss, teacher, student, labels):
    teacher, student = (
        (x - ops.mean(x, -1, keepdims=True))
        / (ops.std(x, -1, keepdims=True) * (10 / 9) ** 0.5)
        for x in (teacher, student)
    )
    return 4 * divergence(soft(teacher, 2.0), soft(student, 2.0))


def decoupled(loss, teacher, student, labels):
    is_target = ops.one_hot(labels, 10)
    p, q = soft(teacher, 4.0), soft(student, 4.0)
    p, q = (ops.sum(x * is_target, axis=-1) for x in (p, q))
    p, q = (ops.stack([x, 1 - x], axis=-1) for x in (p, q))
    others = (soft(x - LARGE * is_target, 4.0) for x in (teacher, student))
    p_others, q_others = (x + 1e-30 for x in others)
    return 16 * (divergence(p, q) + 8 * divergence(p_others, q_others))


def normalized(loss, teacher, student, labels):
    is_target = ops.one_hot(labels, 10)
    p, q = (ops.sum(soft(x) * is_target, -1) for x in (teacher, student))
    others = (soft(x - LARGE * is_target) for x in (teacher, student))
    p_others, q_others = (x + 1e-30 for x in others)
    cross_entropy = -ops.sum(p_others * ops.log(q_others), axis=-1)
    return -p * ops.log(q) + 1.5 * cross_entropy


def pearson(p, q, axis):
    p, q = (x - ops.mean(x, axis, keepdims=True) for x in (p, q))
    return ops.sum(p * q, axis) / (
        ops.norm(p, axis=axis) * ops.norm(q, axis=axis) + 1e-8
    )


def correlation(loss, teacher, student, labels):
    p, q = soft(teacher), soft(student)
    return 1 - pearson(p, q, 1) + 1 - ops.mean(pearson(p, q, 0))


def reverse(loss, teacher, student, labels):
    return divergence(soft(student), soft(teacher))


def jensen_shannon(loss, teacher, student, labels):
    p, q = soft(teacher), soft(student)
    mixture = (p + q) / 2
    return (divergence(p, mixture) + divergence(q, mixture)) / 2


def skewed(loss, teacher, student, labels):
    p, q = soft(teacher), soft(student)
    return divergence(p, 0.1 * p + 0.9 * q)


def interpolated(loss, teacher, student, labels):
    own = ops.stop_gradient(student)
    return divergence(soft(0.6 * own + 0.4 * teacher), soft(student))


def logit_regression(loss, teacher, student, labels):
    return ops.sum((student - teacher) ** 2, axis=-1) / 2


def probability_regression(loss, teacher, student, labels):
    return ops.sum((soft(student) - soft(teacher)) ** 2, axis=-1) / 2


def sorted_distance(loss, teacher, student, labels):
    teacher, student = (ops.sort(soft(x), axis=-1) for x in (teacher, student))
    return ops.sum(ops.abs(student - teacher), axis=-1)


def hint(loss, teacher, student, labels):
    return ops.mean((student - teacher) ** 2, axis=(1, 2, 3))


def attention(loss, teacher, student, labels):
    teacher, student = (
        unit(ops.sum(flat(x) ** 2, axis=-1)) for x in (teacher, student)
    )
    return ops.norm(student - teacher, axis=-1)


def pair_distances(vectors):
    square = ops.sum((vectors[:, None] - vectors[None]) ** 2, axis=-1)
    # The root has no gradient at 0.
    return ops.where(square > 0, ops.sqrt(ops.where(square > 0, square, 1)), 0)


def distances(loss, teacher, student, labels):
    teacher, student = (
        x / (ops.sum(x) / ops.sum(ops.cast(x > 0, x.dtype)))
        for x in map(pair_distances, (teacher, student))
    )
    return ops.mean(huber(student - teacher), axis=-1)


def pair_angles(vectors):
    gaps = vectors[None] - vectors[:, None]
    directions = gaps / ops.maximum(pair_distances(vectors), 1e-12)[..., None]
    return ops.matmul(directions, ops.transpose(directions, (0, 2, 1)))


def angles(loss, teacher, student, labels):
    gap = pair_angles(student) - pair_angles(teacher)
    return ops.mean(huber(gap), axis=(1, 2))


def similarity(loss, teacher, student, labels):
    teacher, student = (
        unit(ops.matmul(x, ops.transpose(x))) for x in (teacher, student)
    )
    return ops.mean((student - teacher) ** 2, axis=-1)


def neighbours(loss, teacher, student, labels):
    def probabilities(vectors):
        vectors = unit(vectors)
        likeness = (ops.matmul(vectors, ops.transpose(vectors)) + 1) / 2
        return likeness / ops.sum(likeness, axis=-1, keepdims=True)

    p, q = probabilities(teacher), probabilities(student)
    return ops.mean(p * ops.log((p + 1e-7) / (q + 1e-7)), axis=-1)


def projected(loss, teacher, student):
    return (
        unit(loss.teacher_projection(teacher)),
        unit(loss.student_projection(student)),
    )


def contrast(loss, teacher, student, labels):
    teacher, student = projected(loss, teacher, student)
    scale = ops.minimum(ops.exp(loss.log_scale), 10.0)
    logits = scale * ops.matmul(student, ops.transpose(teacher))
    over_students = soft(ops.transpose(logits))
    over_teachers = soft(logits)
    own = -ops.log(ops.diagonal(over_teachers))
    return own + 0.5 * divergence(over_students, over_teachers)


def queue_relation(loss, teacher, student, labels):
    teacher, student = projected(loss, teacher, student)
    kept = ops.convert_to_tensor(loss.queue)[ops.shape(teacher)[0] :]
    queue = ops.concatenate([kept, ops.stop_gradient(teacher)])
    queue = ops.reshape(queue, loss.queue.shape)
    loss.queue.assign(queue)
    # The first entries are zeros until the queue is full.
    empty = ops.where(ops.any(queue != 0, axis=-1), 0, -LARGE)
    p, q = (
        ops.matmul(x, ops.transpose(queue)) / temperature + empty
        for x, temperature in ((teacher, 0.02), (student, 0.1))
    )
    return -ops.sum(soft(p) * ops.log_softmax(q), axis=-1)


def selectivity(loss, teacher, student, labels):
    teacher, student = (unit(flat(x), axis=1) for x in (teacher, student))

    def kernel(first, second):
        products = ops.matmul(ops.transpose(first, (0, 2, 1)), second)
        return ops.mean(products**2, axis=(1, 2))

    own = kernel(teacher, teacher) + kernel(student, student)
    return own - 2 * kernel(teacher, student)


def information(loss, teacher, student, labels):
    variance = ops.softplus(loss.raw_variance) + 1e-5
    square = (teacher - loss.projector(student)) ** 2
    return ops.mean((square / variance + ops.log(variance)) / 2, (1, 2, 3))


def channel_distributions(loss, teacher, student, labels):
    teacher, student = (
        soft(ops.transpose(flat(x), (0, 2, 1)), 4.0) for x in (teacher, student)
    )
    return 16 * ops.mean(divergence(teacher, student), axis=-1)


def feature_correlation(loss, teacher, student, labels):
    teacher, student = (
        (x - ops.mean(x, (0, 1, 2))) / (ops.std(x, (0, 1, 2)) + 1e-6)
        for x in (teacher, student)
    )
    return ops.mean((student - teacher) ** 2, axis=(1, 2, 3)) / 2


def orthogonal(loss, teacher, student, labels):
    teacher, student = (ops.mean(x, axis=(1, 2)) for x in (teacher, student))
    vectors, triangle = ops.qr(ops.convert_to_tensor(loss.kernel))
    projection = vectors * ops.sign(ops.diagonal(triangle))
    centred = teacher - ops.mean(teacher, -1, keepdims=True)
    variance = ops.mean(centred**2, -1, keepdims=True)
    target = centred / ops.sqrt(variance + 1e-5)
    return ops.mean(huber(ops.matmul(student, projection) - target), axis=-1)


def wasserstein(loss, teacher, student, labels):
    number = teacher.shape[1] * teacher.shape[2]
    (mean, spread), (own_mean, own_spread) = (
        (
            ops.mean(x, axis=(1, 2)),
            ops.sqrt(ops.var(x, axis=(1, 2)) * number / (number - 1) + 1e-5),
        )
        for x in (teacher, student)
    )
    square = 4 * (own_mean - mean) ** 2 + (own_spread - spread) ** 2
    return ops.sum(square, axis=-1)


def generation(loss, teacher, student, labels):
    made = student
    for layer in loss.convolutions:
        made = layer(made)
    return ops.sum((made - teacher) ** 2, axis=(1, 2, 3))


def review(loss, teacher, student, labels):
    total, passed = 0.0, None
    for fusion, theirs, ours in zip(
        loss.fusions[::-1], teacher[::-1], student[::-1], strict=True
    ):
        made, passed = fusion(ours, passed, training=True)
        height = theirs.shape[1]
        sizes = [height, *(size for size in (4, 2, 1) if size < height)]
        weights = [0.5**i for i in range(len(sizes))]
        for size, weight in zip(sizes, weights, strict=True):
            a, b = (ops.average_pool(x, height // size) for x in (made, theirs))
            square = ops.mean((a - b) ** 2, axis=(1, 2, 3))
            total += weight / sum(weights) * square
    return total
