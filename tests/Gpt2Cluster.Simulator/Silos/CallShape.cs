using System.Collections.Concurrent;
using System.Reflection;
using Orleans.Concurrency;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>What a call of a grain's method is like: read once from its attributes.</summary>
internal sealed class CallShape
{
    /// <summary>Orleans' own bound of a call.</summary>
    private static readonly TimeSpan DefaultBound = TimeSpan.FromSeconds(30);

    private static readonly ConcurrentDictionary<MethodInfo, CallShape> Known = [];

    private readonly Func<PendingCall> pending;

    private CallShape(MethodInfo method)
    {
        var result = method.ReturnType == typeof(Task) ? typeof(object) : method.ReturnType.GetGenericArguments()[0];
        pending = typeof(PendingCall<>).MakeGenericType(result)
            .GetMethod(nameof(PendingCall<object>.Make), BindingFlags.Static | BindingFlags.Public)!
            .CreateDelegate<Func<PendingCall>>();
        IsOneWay = method.GetCustomAttribute<OneWayAttribute>() is not null;
        IsInterleaving = method.GetCustomAttribute<AlwaysInterleaveAttribute>() is not null;
        Bound = method.GetCustomAttribute<ResponseTimeoutAttribute>()?.Timeout ?? DefaultBound;
        Name = method.Name;
    }

    /// <summary>The method's name.</summary>
    public string Name { get; }

    /// <summary>Whether nobody waits for it.</summary>
    public bool IsOneWay { get; }

    /// <summary>Whether it runs while another call of the grain is under way.</summary>
    public bool IsInterleaving { get; }

    /// <summary>The caller gives up after this long.</summary>
    public TimeSpan Bound { get; }

    /// <summary>The shape of a method's calls.</summary>
    public static CallShape Of(MethodInfo method) => Known.GetOrAdd(method, static made => new CallShape(made));

    /// <summary>What the caller holds until the answer is there.</summary>
    public PendingCall Begin() => pending();
}

/// <summary>A call whose answer is waited for.</summary>
internal abstract class PendingCall
{
    /// <summary>The process that it was sent to; null before that is known.</summary>
    public Clock.Life? Callee { get; set; }

    /// <summary>Whether it is over.</summary>
    public abstract bool IsOver { get; }

    /// <summary>What the caller waits for.</summary>
    public abstract Task Answer { get; }

    /// <summary>Takes the outcome of the method; the first one counts.</summary>
    public abstract void End(Task outcome);

    /// <summary>It failed on the way.</summary>
    public abstract void Fail(Exception problem);
}

/// <inheritdoc/>
internal sealed class PendingCall<T> : PendingCall
{
    private readonly TaskCompletionSource<T> answer = new();

    /// <summary>Makes one.</summary>
    public static PendingCall Make() => new PendingCall<T>();

    /// <inheritdoc/>
    public override bool IsOver => answer.Task.IsCompleted;

    /// <inheritdoc/>
    public override Task Answer => answer.Task;

    /// <inheritdoc/>
    public override void End(Task outcome)
    {
        if (outcome.IsFaulted)
            answer.TrySetException(outcome.Exception!.InnerException!);
        else if (outcome.IsCanceled)
            answer.TrySetCanceled();
        else
            answer.TrySetResult(outcome is Task<T> known ? known.Result : default!);
    }

    /// <inheritdoc/>
    public override void Fail(Exception problem) => answer.TrySetException(problem);
}
